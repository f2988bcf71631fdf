using System.Globalization;
using Spikeformer.Network;
using Spikeformer.Recipes;
using Spikeformer.TestKit;

namespace Spikeformer.Parity;

/// <summary>The full-size networks and their golden tables.</summary>
internal static class PublishedNetworks
{
    public static SpikeformerNetwork Build(PublishedVariant variant)
    {
        var shape = new SampleShape(variant.TimeSteps, variant.InputChannels, variant.ImageSide, variant.ImageSide);
        return new(NetworkOptions.From(variant.Model, variant.TimeSteps, shape, variant.Classes));
    }

    /// <summary>Returns the rows of a golden table without its heading, split at the commas.</summary>
    public static IEnumerable<string[]> Rows(string file) =>
        File.ReadLines(GoldenFile.PathOf(file)).Skip(1).Select(line => line.Split(','));

    /// <summary>Parses a cell such as 64x2x3x3, or scalar.</summary>
    public static long[] Shape(string cell) => cell == "scalar" ? [] : [.. cell.Split('x').Select(long.Parse)];

    public static double Number(string cell) => double.Parse(cell, CultureInfo.InvariantCulture);
}
