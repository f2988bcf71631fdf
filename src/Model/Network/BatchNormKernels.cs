using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>BatchNorm's passes over float32 [G,C,H,W] memory in one thread.</summary>
/// <remarks>Sums run in 16 float64 lanes per channel, element i of a row in lane i mod 16, added up in one fixed order: the same bits with
/// AVX-512 and AVX2. Elementwise passes use one fused multiply-add per term, so their bits do not depend on the vector width either.</remarks>
internal static unsafe class BatchNormKernels
{
    private const int Lanes = 16;

    /// <summary>Sum of x and of x squared per channel.</summary>
    public static (double[] Sum, double[] Squares) SumsOfPowers(Tensor x_GCHW)
    {
        (int groups, int channels, int row) = Sizes(x_GCHW);
        double[] sums = new double[channels], squares = new double[channels];
        float* x = (float*)TensorMemory.Pointer(x_GCHW);
        for (int c = 0; c < channels; c++)
        {
            (Vector512<double> low, Vector512<double> high) = (default, default);
            (Vector512<double> lowSquares, Vector512<double> highSquares) = (default, default);
            for (int g = 0; g < groups; g++)
            {
                float* at = x + ((long)g * channels + c) * row;
                for (int i = 0; i < row; i += Lanes)
                {
                    Vector512<float> values = Load(at + i, row - i);
                    (Vector512<double> first, Vector512<double> second) = Vector512.Widen(values);
                    low += first;
                    high += second;
                    lowSquares = Vector512.FusedMultiplyAdd(first, first, lowSquares);
                    highSquares = Vector512.FusedMultiplyAdd(second, second, highSquares);
                }
            }
            sums[c] = SumLanes(low, high);
            squares[c] = SumLanes(lowSquares, highSquares);
        }
        GC.KeepAlive(x_GCHW);
        return (sums, squares);
    }

    /// <summary>x * scale + shift.</summary>
    public static Tensor ScaleAndShift(Tensor x_GCHW, double[] scale, double[] shift)
    {
        (int groups, int channels, int row) = Sizes(x_GCHW);
        Tensor y_GCHW = empty_like(x_GCHW);
        float* x = (float*)TensorMemory.Pointer(x_GCHW), y = (float*)TensorMemory.Pointer(y_GCHW);
        for (int g = 0; g < groups; g++)
            for (int c = 0; c < channels; c++, x += row, y += row)
            {
                float a = (float)scale[c], b = (float)shift[c];
                (Vector512<float> va, Vector512<float> vb) = (Vector512.Create(a), Vector512.Create(b));
                int i = 0;
                for (; i <= row - Lanes; i += Lanes) Vector512.FusedMultiplyAdd(Vector512.Load(x + i), va, vb).Store(y + i);
                for (; i < row; i++) y[i] = MathF.FusedMultiplyAdd(x[i], a, b);
            }
        GC.KeepAlive(x_GCHW);
        return y_GCHW;
    }

    /// <summary>Sum of dy and of dy times the normalised x per channel.</summary>
    public static GradientSums GradientSums(Tensor dy_GCHW, Tensor x_GCHW, double[] mean, double[] inverseDeviation)
    {
        (int groups, int channels, int row) = Sizes(x_GCHW);
        double[] plain = new double[channels], normalised = new double[channels];
        float* dy = (float*)TensorMemory.Pointer(dy_GCHW), x = (float*)TensorMemory.Pointer(x_GCHW);
        for (int c = 0; c < channels; c++)
        {
            Vector512<double> centre = Vector512.Create(mean[c]);
            (Vector512<double> low, Vector512<double> high) = (default, default);
            (Vector512<double> lowProducts, Vector512<double> highProducts) = (default, default);
            for (int g = 0; g < groups; g++)
            {
                long start = ((long)g * channels + c) * row;
                for (int i = 0; i < row; i += Lanes)
                {
                    // A padded tail has dy = 0 and so adds nothing, whatever x - mean is there.
                    (Vector512<double> dyFirst, Vector512<double> dySecond) = Vector512.Widen(Load(dy + start + i, row - i));
                    (Vector512<double> xFirst, Vector512<double> xSecond) = Vector512.Widen(Load(x + start + i, row - i));
                    low += dyFirst;
                    high += dySecond;
                    lowProducts = Vector512.FusedMultiplyAdd(dyFirst, xFirst - centre, lowProducts);
                    highProducts = Vector512.FusedMultiplyAdd(dySecond, xSecond - centre, highProducts);
                }
            }
            plain[c] = SumLanes(low, high);
            normalised[c] = SumLanes(lowProducts, highProducts) * inverseDeviation[c];
        }
        GC.KeepAlive(dy_GCHW);
        GC.KeepAlive(x_GCHW);
        return new(plain, normalised);
    }

    /// <summary>dL/dx.</summary>
    public static Tensor InputGradient(Tensor dy_GCHW, Tensor x_GCHW, GradientConstants constants)
    {
        (int groups, int channels, int row) = Sizes(x_GCHW);
        Tensor dx_GCHW = empty_like(x_GCHW);
        float* dy = (float*)TensorMemory.Pointer(dy_GCHW), x = (float*)TensorMemory.Pointer(x_GCHW), dx = (float*)TensorMemory.Pointer(dx_GCHW);
        for (int g = 0; g < groups; g++)
            for (int c = 0; c < channels; c++, dy += row, x += row, dx += row)
            {
                (float mean, float shift) = ((float)constants.Mean[c], (float)constants.Shift[c]);
                (float slope, float scale) = ((float)constants.Slope[c], (float)constants.Scale[c]);
                (Vector512<float> means, Vector512<float> shifts) = (Vector512.Create(mean), Vector512.Create(shift));
                (Vector512<float> slopes, Vector512<float> scales) = (Vector512.Create(slope), Vector512.Create(scale));
                int i = 0;
                for (; i <= row - Lanes; i += Lanes)
                    (Vector512.FusedMultiplyAdd(means - Vector512.Load(x + i), slopes, Vector512.Load(dy + i) - shifts) * scales).Store(dx + i);
                for (; i < row; i++) dx[i] = MathF.FusedMultiplyAdd(mean - x[i], slope, dy[i] - shift) * scale;
            }
        GC.KeepAlive(dy_GCHW);
        GC.KeepAlive(x_GCHW);
        return dx_GCHW;
    }

    private static (int Groups, int Channels, int Row) Sizes(Tensor x_GCHW)
    {
        long[] shape = x_GCHW.shape;
        return ((int)shape[0], (int)shape[1], checked((int)(shape[2] * shape[3])));
    }

    /// <summary>16 values, or as many as are left and zeros.</summary>
    private static Vector512<float> Load(float* at, int left)
    {
        if (left >= Lanes) return Vector512.Load(at);
        float* padded = stackalloc float[Lanes];
        for (int i = 0; i < Lanes; i++) padded[i] = i < left ? at[i] : 0;
        return Vector512.Load(padded);
    }

    private static double SumLanes(Vector512<double> low, Vector512<double> high)
    {
        Vector512<double> eight = low + high;
        Vector256<double> four = eight.GetLower() + eight.GetUpper();
        Vector128<double> two = four.GetLower() + four.GetUpper();
        return two.GetElement(0) + two.GetElement(1);
    }
}
