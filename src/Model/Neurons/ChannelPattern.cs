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
    public readonly float* Scale, Shift, Mean;

    public ChannelPattern(ChannelAffine? affine, double[]? mean, int tile)
    {
        if (affine is null) return;
        Count = affine.Scale.Length;
        int length = Count + tile + Lanes;
        Scale = (float*)NativeMemory.AlignedAlloc(3 * (nuint)length * sizeof(float), 64);
        Shift = Scale + length;
        Mean = Shift + length;
        for (int i = 0; i < length; i++)
        {
            int channel = i % Count;
            (Scale[i], Shift[i], Mean[i]) = ((float)affine.Scale[channel], (float)affine.Shift[channel], (float)(mean?[channel] ?? 0));
        }
    }

    private ChannelPattern(int count, float* scale, float* shift, float* mean)
    {
        Count = count;
        Scale = scale;
        Shift = shift;
        Mean = mean;
    }

    /// <summary>The constants from an element's channel on.</summary>
    public ChannelPattern At(long element)
    {
        int channel = (int)(element % Count);
        return new(Count, Scale + channel, Shift + channel, Mean + channel);
    }

    public void Dispose() => NativeMemory.AlignedFree(Scale);
}
