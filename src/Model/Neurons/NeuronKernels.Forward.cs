using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spikeformer.Neurons;

internal static unsafe partial class NeuronKernels
{
    /// <summary>Elements whose potentials v stay in the first-level cache from time step to time step.</summary>
    private const int ForwardTile = 256;

    private readonly struct ForwardPass<TNeuron>(Layer layer, float* x, float* y) : IChunkedWork where TNeuron : INeuron
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
                    Tile(x + i, y + i, layer.Count, width - rest, v);
                    if (rest > 0) Tail(x + i + width - rest, y + i + width - rest, rest, v);
                }
            }
            finally
            {
                NativeMemory.AlignedFree(v);
            }
        }

        private void Tail(float* x, float* y, int width, float* v)
        {
            float* rows = (float*)NativeMemory.AlignedAlloc((nuint)layer.Steps * Lanes * sizeof(float), 64);
            Pad(x, layer.Count, layer.Steps, width, rows);
            Tile(rows, rows, Lanes, Lanes, v);
            Unpad(rows, layer.Steps, width, y, layer.Count);
            NativeMemory.AlignedFree(rows);
        }

        private void Tile(float* x, float* y, long stride, int width, float* v)
        {
            Vector512<float> k = Vector512.Create(layer.Decay), threshold = Vector512.Create(layer.Threshold);
            new Span<float>(v, width).Clear();
            for (int t = 0; t < layer.Steps; t++, x += stride, y += stride)
                for (int i = 0; i < width; i += Lanes)
                {
                    // A tile jumps from row to row, too short a way for the processor to foresee: ask for the next tile of this row.
                    Sse.Prefetch0(x + i + ForwardTile);
                    Sse.Prefetch0(y + i + ForwardTile);
                    Vector512<float> u = Charge<TNeuron>(Vector512.Load(x + i), Vector512.LoadAligned(v + i), k);
                    Vector512<float> output = TNeuron.IsAnalog
                        ? Vector512.AndNot(u, Vector512.LessThanOrEqual(u, Vector512<float>.Zero))
                        : Vector512.GreaterThanOrEqual(u, threshold) & Vector512<float>.One;
                    output.Store(y + i);
                    Reset(u, threshold).StoreAligned(v + i);
                }
        }
    }
}
