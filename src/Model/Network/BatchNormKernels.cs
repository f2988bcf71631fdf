using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Spikeformer.Devices;
using Spikeformer.Neurons;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>BatchNorm's own passes over [rows, C] CPU memory, float32 or bfloat16. The neurons' kernels include the passes that go through
/// the neurons.</summary>
/// <remarks>Sums are float64, first over fixed blocks of rows, then over the blocks in order. Elementwise operations round as written. So any
/// number of threads and any vector width give the same bits.</remarks>
internal static unsafe class BatchNormKernels
{
    private const int Lanes = 16, Block = 16384, Tile = 256;

    /// <summary>Returns each channel's sum of x, then each channel's sum of x squared: [2 C].</summary>
    public static double[] SumsOfPowers(Tensor x_RC)
    {
        int channels = (int)x_RC.shape[^1];
        long rows = x_RC.NumberOfElements / channels;
        int rowsPerBlock = Math.Max(1, Block / channels), blocks = checked((int)((rows + rowsPerBlock - 1) / rowsPerBlock));
        double[] sums = new double[(long)blocks * 2 * channels], total = new double[2 * channels];
        fixed (double* sum = sums)
        {
            void* x = TensorMemory.Pointer(x_RC);
            if (x_RC.dtype == ScalarType.Float32) ComputeThreads.For(blocks, new PowerPass<Float32Storage>((Float32Storage*)x, rows, rowsPerBlock, channels, sum));
            else ComputeThreads.For(blocks, new PowerPass<BFloat16Storage>((BFloat16Storage*)x, rows, rowsPerBlock, channels, sum));
        }
        GC.KeepAlive(x_RC);
        for (int block = 0; block < blocks; block++)
            for (int i = 0; i < total.Length; i++) total[i] += sums[(long)block * total.Length + i];
        return total;
    }

    /// <summary>Turns dL/dnormalised into dL/dx, in place.</summary>
    public static void InputGradient(Tensor gradient_RC, Tensor x_RC, GradientConstants constants)
    {
        using var channels = new ChannelPattern(constants.Scale, constants.Shift, Tile, constants.Mean, constants.Slope);
        long count = x_RC.NumberOfElements;
        int blocks = checked((int)((count + Block - 1) / Block));
        void* x = TensorMemory.Pointer(x_RC), gradient = TensorMemory.Pointer(gradient_RC);
        if (x_RC.dtype == ScalarType.Float32)
            ComputeThreads.For(blocks, new GradientPass<Float32Storage>((Float32Storage*)x, (Float32Storage*)gradient, count, channels));
        else
            ComputeThreads.For(blocks, new GradientPass<BFloat16Storage>((BFloat16Storage*)x, (BFloat16Storage*)gradient, count, channels));
        GC.KeepAlive(x_RC);
        GC.KeepAlive(gradient_RC);
    }

    private readonly struct PowerPass<TStored>(TStored* x, long rows, int rowsPerBlock, int channels, double* sums) : IChunkedWork
        where TStored : unmanaged, IStorageFormat<TStored>
    {
        public void Run(int first, int end)
        {
            for (int block = first; block < end; block++)
            {
                long start = (long)block * rowsPerBlock;
                int count = (int)Math.Min(rowsPerBlock, rows - start);
                double* plain = sums + (long)block * 2 * channels, squares = plain + channels;
                TStored* at = x + start * channels;
                int c = 0;
                for (; c <= channels - Lanes; c += Lanes) Add(at + c, count, plain + c, squares + c);
                if (c < channels) AddTail(at + c, channels - c, count, plain + c, squares + c);
            }
        }

        private void Add(TStored* at, int count, double* plain, double* squares)
        {
            (Vector512<double> low, Vector512<double> high) = (default, default);
            (Vector512<double> lowSquares, Vector512<double> highSquares) = (default, default);
            for (int row = 0; row < count; row++, at += channels)
            {
                (Vector512<double> first, Vector512<double> second) = Vector512.Widen(TStored.Load(at));
                low += first;
                high += second;
                lowSquares = Vector512.FusedMultiplyAdd(first, first, lowSquares);
                highSquares = Vector512.FusedMultiplyAdd(second, second, highSquares);
            }
            low.Store(plain);
            high.Store(plain + Lanes / 2);
            lowSquares.Store(squares);
            highSquares.Store(squares + Lanes / 2);
        }

        /// <summary>Adds fewer than 16 channels, copied to rows that end in zeros.</summary>
        private void AddTail(TStored* at, int width, int count, double* plain, double* squares)
        {
            TStored* rows = (TStored*)NativeMemory.AllocZeroed((nuint)count * Lanes, (nuint)sizeof(TStored));
            for (int row = 0; row < count; row++) new Span<TStored>(at + (long)row * channels, width).CopyTo(new Span<TStored>(rows + row * Lanes, width));
            double* found = stackalloc double[2 * Lanes];
            new PowerPass<TStored>(rows, count, count, Lanes, found).Run(0, 1);
            new Span<double>(found, width).CopyTo(new Span<double>(plain, width));
            new Span<double>(found + Lanes, width).CopyTo(new Span<double>(squares, width));
            NativeMemory.Free(rows);
        }
    }

    /// <summary>Computes gradient = (gradient - shift + (mean - x) slope) scale.</summary>
    private readonly struct GradientPass<TStored>(TStored* x, TStored* gradient, long count, ChannelPattern channels) : IChunkedWork
        where TStored : unmanaged, IStorageFormat<TStored>
    {
        public void Run(int first, int end)
        {
            TStored* rest = stackalloc TStored[2 * Lanes];
            long stop = Math.Min((long)end * Block, count);
            for (long start = (long)first * Block; start < stop; start += Tile)
            {
                int width = (int)Math.Min(Tile, stop - start), i = 0;
                ChannelPattern here = channels.At(start);
                for (; i <= width - Lanes; i += Lanes) Step(x + start + i, gradient + start + i, here, i);
                if (i == width) continue;
                new Span<TStored>(x + start + i, width - i).CopyTo(new Span<TStored>(rest, Lanes));
                new Span<TStored>(gradient + start + i, width - i).CopyTo(new Span<TStored>(rest + Lanes, Lanes));
                Step(rest, rest + Lanes, here, i);
                new Span<TStored>(rest + Lanes, width - i).CopyTo(new Span<TStored>(gradient + start + i, width - i));
            }
        }

        private static void Step(TStored* x, TStored* gradient, ChannelPattern here, int i)
        {
            Vector512<float> centred = TStored.Load(gradient) - Vector512.Load(here.Shift + i);
            Vector512<float> projected = Vector512.FusedMultiplyAdd(Vector512.Load(here.Mean + i) - TStored.Load(x), Vector512.Load(here.Slope + i), centred);
            TStored.Store(gradient, projected * Vector512.Load(here.Scale + i));
        }
    }
}
