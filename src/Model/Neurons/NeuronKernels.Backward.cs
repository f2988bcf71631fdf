using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spikeformer.Neurons;

internal static unsafe partial class NeuronKernels
{
    /// <summary>
    /// Elements that the backward pass handles together: at most so many per time step, and so many over all time steps. Then u and x - v
    /// of all of them and what is asked for in advance fit the first-level cache.
    /// </summary>
    private const int BackwardTile = 256, BackwardPotentials = 2048;

    private readonly struct BackwardPass<TNeuron>(Layer layer, float* x, float* dy, float* dx, double* sums) : IChunkedWork
        where TNeuron : INeuron
    {
        public void Run(int first, int end)
        {
            using var scratch = new Scratch(layer.Steps);
            for (int chunk = first; chunk < end; chunk++)
            {
                (Vector512<double> low, Vector512<double> high) = (default, default);
                long stop = Math.Min((chunk + 1L) * Chunk, layer.Count);
                for (long i = (long)chunk * Chunk; i < stop; i += scratch.Tile)
                {
                    int width = (int)Math.Min(scratch.Tile, stop - i), rest = width % Lanes;
                    Tile(x + i, dy + i, dx + i, layer.Count, width - rest, scratch, ref low, ref high);
                    long tail = i + width - rest;
                    if (rest > 0) Tail(x + tail, dy + tail, dx + tail, rest, scratch, ref low, ref high);
                }
                sums[chunk] = SumLanes(low + high);
            }
        }

        private void Tail(
            float* x, float* dy, float* dx, int width, in Scratch scratch, ref Vector512<double> low, ref Vector512<double> high)
        {
            nuint size = (nuint)layer.Steps * Lanes;
            float* rows = (float*)NativeMemory.AlignedAlloc(2 * size * sizeof(float), 64), gradients = rows + size;
            Pad(x, layer.Count, layer.Steps, width, rows);
            Pad(dy, layer.Count, layer.Steps, width, gradients);
            Tile(rows, gradients, gradients, Lanes, Lanes, scratch, ref low, ref high);
            Unpad(gradients, layer.Steps, width, dx, layer.Count);
            NativeMemory.AlignedFree(rows);
        }

        private void Tile(float* x, float* dy, float* dx, long stride, int width, in Scratch scratch,
            ref Vector512<double> low, ref Vector512<double> high)
        {
            Vector512<float> k = Vector512.Create(layer.Decay), keep = Vector512.Create(layer.Keep);
            Vector512<float> threshold = Vector512.Create(layer.Threshold);
            SigmoidSurrogate surrogate = layer.Surrogate;
            int tile = scratch.Tile;

            float* u = scratch.U, charge = scratch.Charge;
            for (int t = 0; t < layer.Steps; t++, x += stride, u += tile, charge += tile)
                for (int i = 0; i < width; i += Lanes)
                {
                    Vector512<float> v = t > 0 ? Reset(Vector512.LoadAligned(u - tile + i), threshold) : default;
                    Vector512<float> current = Vector512.Load(x + i);
                    if (TNeuron.Learns) (current - v).StoreAligned(charge + i);
                    Charge<TNeuron>(current, v, k).StoreAligned(u + i);
                }

            long last = (layer.Steps - 1) * stride;
            dy += last;
            dx += last;
            for (int t = layer.Steps - 1; t >= 0; t--, dy -= stride, dx -= stride)
            {
                x -= stride;
                u -= tile;
                charge -= tile;
                Vector512<float> products = default;
                for (int i = 0; i < width; i += Lanes)
                {
                    Sse.Prefetch0(x + i + tile);
                    Sse.Prefetch0(dy + i + tile);
                    Sse.Prefetch0(dx + i + tile);
                    Vector512<float> potential = Vector512.LoadAligned(u + i);
                    Vector512<float> slope = TNeuron.IsAnalog
                        ? ReluSlope(potential, k)
                        : surrogate.Slope(potential - threshold);
                    // dL/dx[t] = k dL/du[t] and dL/dv[t] = (1 - k) dL/du[t+1], so dL/dx itself runs back through time.
                    Vector512<float> fires = Vector512.GreaterThanOrEqual(potential, threshold);
                    Vector512<float> through = Vector512.ConditionalSelect(fires, default, keep);
                    Vector512<float> later = t < layer.Steps - 1 ? Vector512.Load(dx + stride + i) : default;
                    Vector512<float> gradient = Vector512.FusedMultiplyAdd(later, through, Vector512.Load(dy + i) * slope);
                    gradient.Store(dx + i);
                    if (TNeuron.Learns) products = Vector512.FusedMultiplyAdd(gradient, Vector512.LoadAligned(charge + i), products);
                }
                if (TNeuron.Learns)
                {
                    (Vector512<double> first, Vector512<double> second) = Vector512.Widen(products);
                    low += first;
                    high += second;
                }
            }
        }
    }

    /// <summary>k where relu has slope 1, 0 where it has slope 0, NaN for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ReluSlope(Vector512<float> u, Vector512<float> k) => Vector512.ConditionalSelect(
        Vector512.GreaterThan(u, Vector512<float>.Zero), k, Vector512.AndNot(u, Vector512.LessThanOrEqual(u, Vector512<float>.Zero)));

    private static double SumLanes(Vector512<double> eight)
    {
        Vector256<double> four = eight.GetLower() + eight.GetUpper();
        Vector128<double> two = four.GetLower() + four.GetUpper();
        return two.GetElement(0) + two.GetElement(1);
    }

    /// <summary>What the backward pass keeps of a tile, in the first-level cache.</summary>
    private readonly ref struct Scratch : IDisposable
    {
        /// <summary>Elements of a time step that are handled together; depends on nothing but the number of time steps.</summary>
        public readonly int Tile;
        /// <summary>u and x - v of all time steps, [T, tile].</summary>
        public readonly float* U, Charge;

        public Scratch(int steps)
        {
            Tile = Math.Clamp(BackwardPotentials / steps, Lanes, BackwardTile) & -Lanes;
            U = (float*)NativeMemory.AlignedAlloc(checked(2 * (nuint)Tile * (nuint)steps * sizeof(float)), 64);
            Charge = U + (long)steps * Tile;
        }

        public void Dispose() => NativeMemory.AlignedFree(U);
    }
}
