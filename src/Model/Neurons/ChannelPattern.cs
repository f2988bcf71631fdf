using System.Runtime.InteropServices;

namespace Spikeformer.Neurons;

/// <summary>Scale and shift of each channel, float32 values.</summary>
internal sealed record ChannelAffine(double[] Scale, double[] Shift);

/// <summary>
/// Per-channel constants laid out so that a kernel walking through [..., C] memory reads them like its data: each row repeats from channel
/// 0 until a tile that begins at any channel finds all of its values ahead.
/// </summary>
internal readonly unsafe struct ChannelPattern : IDisposable
{
    private const int Lanes = 16;

    /// <summary>C; 0 where there are no constants.</summary>
    public readonly int Count;
    public readonly float* Scale, Shift, Mean, Slope;

    /// <summary>Constants for tiles of up to <paramref name="tile"/> elements. Mean and slope are for the passes that use them.</summary>
    public ChannelPattern(double[] scale, double[] shift, int tile, double[]? mean = null, double[]? slope = null)
    {
        Count = scale.Length;
        int length = Count + tile + Lanes;
        Scale = (float*)NativeMemory.AlignedAlloc(4 * (nuint)length * sizeof(float), 64);
        Shift = Fill(Scale, scale, length);
        Mean = Fill(Shift, shift, length);
        Slope = Fill(Mean, mean, length);
        Fill(Slope, slope, length);
    }

    private ChannelPattern(in ChannelPattern from, int channel)
    {
        Count = from.Count;
        Scale = from.Scale + channel;
        Shift = from.Shift + channel;
        Mean = from.Mean + channel;
        Slope = from.Slope + channel;
    }

    /// <returns>Where the next row begins.</returns>
    private static float* Fill(float* row, double[]? values, int length)
    {
        if (values is not null)
            for (int i = 0; i < length; i++) row[i] = (float)values[i % values.Length];
        return row + length;
    }

    /// <summary>The constants from an element's channel on.</summary>
    public ChannelPattern At(long element) => new(this, (int)(element % Count));

    public void Dispose() => NativeMemory.AlignedFree(Scale);
}
