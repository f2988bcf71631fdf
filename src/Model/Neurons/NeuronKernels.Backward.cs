using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Spikeformer.Devices;

namespace Spikeformer.Neurons;

internal static unsafe partial class NeuronKernels
{
    /// <summary>The most elements that the backward pass processes together, per time step and over all time steps. Their u and x - v and the prefetched data
    /// fit the first-level cache.</summary>
    private const int BackwardTile = 256, BackwardPotentials = 2048;

    /// <summary>Writes to <c>sums</c>, for each chunk: the sum for dL/dw, then each channel's sum of dL/dcurrent, then each channel's sum of
    /// dL/dcurrent (x - mean).</summary>
    private readonly struct BackwardPass<TNeuron, TStored, TInput>(
        Layer layer, ChannelPattern channels, TStored* x, TStored* dy, TStored* dx, double* sums) : IChunkedWork
        where TNeuron : INeuron where TStored : unmanaged, IStorageFormat<TStored> where TInput : IInput
    {
        public void Run(int first, int end)
        {
            using var scratch = new Scratch(layer.Steps, channels.Count);
            int stride = 1 + 2 * channels.Count;
            for (int chunk = first; chunk < end; chunk++)
            {
                (Vector512<double> low, Vector512<double> high) = (default, default);
                scratch.ClearChannels();
                long stop = Math.Min((chunk + 1L) * Chunk, layer.Count);
                for (long i = (long)chunk * Chunk; i < stop; i += scratch.Tile)
                {
                    int width = (int)Math.Min(scratch.Tile, stop - i), rest = width % Lanes;
                    Tile(i, x + i, dy + i, dx + i, layer.Count, width - rest, scratch, ref low, ref high);
                    long tail = i + width - rest;
                    if (rest > 0) Tail(tail, x + tail, dy + tail, dx + tail, rest, scratch, ref low, ref high);
                }
                sums[(long)chunk * stride] = SumLanes(low + high);
                if (TInput.IsNormalised) scratch.FoldChannels(sums + (long)chunk * stride + 1);
            }
        }

        private void Tail(long index, TStored* x, TStored* dy, TStored* dx, int width, in Scratch scratch,
            ref Vector512<double> low, ref Vector512<double> high)
        {
            nuint size = (nuint)layer.Steps * Lanes;
            TStored* rows = (TStored*)NativeMemory.AlignedAlloc(2 * size * (nuint)sizeof(TStored), 64), gradients = rows + size;
            Pad(x, layer.Count, layer.Steps, width, rows);
            // Lanes without an element have dy = 0, so all of their gradients are 0.
            Pad(dy, layer.Count, layer.Steps, width, gradients);
            Tile(index, rows, gradients, gradients, Lanes, Lanes, scratch, ref low, ref high);
            Unpad(gradients, layer.Steps, width, dx, layer.Count);
            NativeMemory.AlignedFree(rows);
        }

        private void Tile(long index, TStored* x, TStored* dy, TStored* dx, long stride, int width, in Scratch scratch,
            ref Vector512<double> low, ref Vector512<double> high)
        {
            Vector512<float> k = Vector512.Create(layer.Decay), keep = Vector512.Create(layer.Keep);
            Vector512<float> threshold = Vector512.Create(layer.Threshold);
            SigmoidSurrogate surrogate = layer.Surrogate;
            int tile = scratch.Tile;
            ChannelPattern here = TInput.IsNormalised ? channels.At(index) : default;
            if (TInput.IsNormalised) scratch.ClearTile(width);

            float* u = scratch.U, charge = scratch.Charge, later = scratch.Later;
            for (int t = 0; t < layer.Steps; t++, x += stride, u += tile, charge += tile)
                for (int i = 0; i < width; i += Lanes)
                {
                    Vector512<float> v = t > 0 ? Reset(Vector512.LoadAligned(u - tile + i), threshold) : default;
                    Vector512<float> current = Current<TStored, TInput>(x, here, i);
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
                    // dL/dx[t] = k dL/du[t] and dL/dv[t] = (1 - k) dL/du[t+1], so dL/dx itself propagates back through time.
                    Vector512<float> fires = Vector512.GreaterThanOrEqual(potential, threshold);
                    Vector512<float> through = Vector512.ConditionalSelect(fires, default, keep);
                    Vector512<float> next = t < layer.Steps - 1 ? Vector512.LoadAligned(later + i) : default;
                    Vector512<float> gradient = Vector512.FusedMultiplyAdd(next, through, TStored.Load(dy + i) * slope);
                    gradient.StoreAligned(later + i);
                    TStored.Store(dx + i, gradient);
                    if (TNeuron.Learns) products = Vector512.FusedMultiplyAdd(gradient, Vector512.LoadAligned(charge + i), products);
                    if (TInput.IsNormalised) scratch.AddToTile(i, gradient, TStored.Load(x + i) - Vector512.Load(here.Mean + i));
                }
                if (TNeuron.Learns)
                {
                    (Vector512<double> first, Vector512<double> second) = Vector512.Widen(products);
                    low += first;
                    high += second;
                }
            }
            if (TInput.IsNormalised) scratch.AddTileToChannels(index, width);
        }
    }

    /// <summary>Returns k where relu has slope 1, 0 where it has slope 0, and NaN for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ReluSlope(Vector512<float> u, Vector512<float> k) => Vector512.ConditionalSelect(
        Vector512.GreaterThan(u, Vector512<float>.Zero), k, Vector512.AndNot(u, Vector512.LessThanOrEqual(u, Vector512<float>.Zero)));

    private static double SumLanes(Vector512<double> eight)
    {
        Vector256<double> four = eight.GetLower() + eight.GetUpper();
        Vector128<double> two = four.GetLower() + four.GetUpper();
        return two.GetElement(0) + two.GetElement(1);
    }

    /// <summary>The working memory of the backward pass for one tile, in the first-level cache.</summary>
    private readonly ref struct Scratch : IDisposable
    {
        /// <summary>Elements of a time step that are processed together; depends only on the number of time steps.</summary>
        public readonly int Tile;
        /// <summary>u and x - v of all time steps, [T, tile], and dL/dcurrent of the time step processed before, which is later in time, [tile].</summary>
        public readonly float* U, Charge, Later;
        /// <summary>A tile's sums over its time steps of dL/dcurrent and of dL/dcurrent (x - mean), per element.</summary>
        private readonly float* _tilePlain, _tileProducts;
        /// <summary>A chunk's sums. A tile adds starting at its first element's channel; <see cref="FoldChannels"/> folds the overhang back.</summary>
        private readonly double* _plain, _products;
        private readonly int _channels, _length;

        public Scratch(int steps, int channels)
        {
            Tile = Math.Clamp(BackwardPotentials / steps, Lanes, BackwardTile) & -Lanes;
            U = (float*)NativeMemory.AlignedAlloc(checked((2 * (nuint)steps + 3) * (nuint)Tile * sizeof(float)), 64);
            Charge = U + (long)steps * Tile;
            Later = Charge + (long)steps * Tile;
            _tilePlain = Later + Tile;
            _tileProducts = _tilePlain + Tile;
            (_channels, _length) = (channels, channels == 0 ? 0 : channels + Tile);
            _plain = (double*)NativeMemory.AlignedAlloc(2 * (nuint)Math.Max(_length, 8) * sizeof(double), 64);
            _products = _plain + _length;
        }

        public void ClearChannels() => new Span<double>(_plain, 2 * _length).Clear();

        public void ClearTile(int width)
        {
            new Span<float>(_tilePlain, width).Clear();
            new Span<float>(_tileProducts, width).Clear();
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void AddToTile(int i, Vector512<float> gradient, Vector512<float> centred)
        {
            (Vector512.LoadAligned(_tilePlain + i) + gradient).StoreAligned(_tilePlain + i);
            Vector512.FusedMultiplyAdd(gradient, centred, Vector512.LoadAligned(_tileProducts + i)).StoreAligned(_tileProducts + i);
        }

        public void AddTileToChannels(long index, int width)
        {
            int channel = (int)(index % _channels);
            Add(_tilePlain, _plain + channel, width);
            Add(_tileProducts, _products + channel, width);
        }

        private static void Add(float* from, double* to, int width)
        {
            for (int i = 0; i < width; i += Lanes)
            {
                (Vector512<double> first, Vector512<double> second) = Vector512.Widen(Vector512.LoadAligned(from + i));
                (Vector512.Load(to + i) + first).Store(to + i);
                (Vector512.Load(to + i + Lanes / 2) + second).Store(to + i + Lanes / 2);
            }
        }

        /// <summary>Writes the chunk's sums per channel: plain, then products.</summary>
        public void FoldChannels(double* to)
        {
            new Span<double>(to, 2 * _channels).Clear();
            for (int i = 0; i < _length; i++)
            {
                to[i % _channels] += _plain[i];
                to[_channels + i % _channels] += _products[i];
            }
        }

        public void Dispose()
        {
            NativeMemory.AlignedFree(U);
            NativeMemory.AlignedFree(_plain);
        }
    }
}
