using System.Runtime.InteropServices;

namespace Spikeformer.Neurons;

/// <summary>The scale and shift of each channel, float32 values.</summary>
internal sealed record ChannelAffine(double[] Scale, double[] Shift);

/// <summary>Per-channel constants in a layout that a kernel for [..., C] memory reads like its data: each row repeats from channel 0, far enough that a tile
/// that begins at any channel can read all of its values consecutively.</summary>
internal readonly unsafe struct ChannelPattern : IDisposable
{
    private const int Lanes = 16;

    /// <summary>The number of channels C; 0 if there are no constants.</summary>
    public readonly int Count;
    public readonly float* Scale, Shift, Mean, Slope;

    /// <summary>Lays out constants for tiles of up to <paramref name="tile"/> elements. Only some passes use mean and slope.</summary>
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

    /// <returns>The start of the next row.</returns>
    private static float* Fill(float* row, double[]? values, int length)
    {
        if (values is not null)
            for (int i = 0; i < length; i++) row[i] = (float)values[i % values.Length];
        return row + length;
    }

    /// <summary>Returns the constants starting at an element's channel.</summary>
    public ChannelPattern At(long element) => new(this, (int)(element % Count));

    public void Dispose() => NativeMemory.AlignedFree(Scale);
}
