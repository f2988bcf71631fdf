using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Spikeformer.Devices;

namespace Spikeformer.Neurons;

internal static unsafe partial class NeuronKernels
{
    /// <summary>Elements whose potentials v stay in the first-level cache from time step to time step.</summary>
    private const int ForwardTile = 256;

    private readonly struct ForwardPass<TNeuron, TStored, TInput>(Layer layer, ChannelPattern channels, TStored* x, TStored* addend, TStored* y) : IChunkedWork
        where TNeuron : INeuron where TStored : unmanaged, IStorageFormat<TStored> where TInput : IInput
    {
        public void Run(int first, int end)
        {
            float* v = (float*)NativeMemory.AlignedAlloc((nuint)ForwardTile * sizeof(float), 64);
            try
            {
                long stop = Math.Min((long)end * Chunk, layer.Count);
                for (long i = (long)first * Chunk; i < stop; i += ForwardTile)
                {
                    int width = (int)Math.Min(ForwardTile, stop - i), rest = width % Lanes;
                    ChannelPattern here = TInput.IsNormalised ? channels.At(i) : default;
                    Tile(here, x + i, addend == null ? null : addend + i, y + i, layer.Count, width - rest, v);
                    if (rest == 0) continue;
                    long tail = i + width - rest;
                    Tail(TInput.IsNormalised ? channels.At(tail) : default, x + tail, addend == null ? null : addend + tail, y + tail, rest, v);
                }
            }
            finally
            {
                NativeMemory.AlignedFree(v);
            }
        }

        private void Tail(ChannelPattern here, TStored* x, TStored* addend, TStored* y, int width, float* v)
        {
            TStored* rows = (TStored*)NativeMemory.AlignedAlloc(2 * (nuint)layer.Steps * Lanes * (nuint)sizeof(TStored), 64), addends = rows + layer.Steps * Lanes;
            Pad(x, layer.Count, layer.Steps, width, rows);
            if (addend != null) Pad(addend, layer.Count, layer.Steps, width, addends);
            Tile(here, rows, addend == null ? null : addends, rows, Lanes, Lanes, v);
            Unpad(rows, layer.Steps, width, y, layer.Count);
            NativeMemory.AlignedFree(rows);
        }

        private void Tile(ChannelPattern here, TStored* x, TStored* addend, TStored* y, long stride, int width, float* v)
        {
            Vector512<float> k = Vector512.Create(layer.Decay), threshold = Vector512.Create(layer.Threshold);
            new Span<float>(v, width).Clear();
            for (int t = 0; t < layer.Steps; t++, x += stride, y += stride)
            {
                for (int i = 0; i < width; i += Lanes)
                {
                    // The rows of a tile are too short for the processor's prefetcher, so prefetch the next tile of this row.
                    Sse.Prefetch0(x + i + ForwardTile);
                    Sse.Prefetch0(y + i + ForwardTile);
                    Vector512<float> u = Charge<TNeuron>(Current<TStored, TInput>(x, here, i), Vector512.LoadAligned(v + i), k);
                    Vector512<float> output = TNeuron.IsAnalog
                        ? Vector512.AndNot(u, Vector512.LessThanOrEqual(u, Vector512<float>.Zero))
                        : Vector512.GreaterThanOrEqual(u, threshold) & Vector512<float>.One;
                    if (addend != null) output += TStored.Load(addend + i);
                    TStored.Store(y + i, output);
                    Reset(u, threshold).StoreAligned(v + i);
                }
                if (addend != null) addend += stride;
            }
        }
    }
}
