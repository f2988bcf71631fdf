using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>The per-channel passes of BatchNorm over contiguous [G,C,H,W] tensors: our kernels for float32 on the CPU, libtorch elsewhere.</summary>
internal static class BatchNormMath
{
    public static BatchMoments Moments(Tensor x)
    {
        double count = x.NumberOfElements / x.shape[1];
        if (HasKernel(x))
        {
            (double[] sum, double[] squares) = BatchNormKernels.SumsOfPowers(x);
            for (int c = 0; c < sum.Length; c++)
            {
                double mean = sum[c] / count;
                squares[c] = Math.Max(0, squares[c] - sum[c] * mean);
                sum[c] = mean;
            }
            return new(count, sum, squares);
        }
        using var scope = NewDisposeScope();
        Tensor wide = x.to(ScalarType.Float64), mean_C = wide.mean(s_exceptChannels);
        Tensor m2_C = wide.add(PerChannel(mean_C), Constants.MinusOne).square().sum(s_exceptChannels);
        return new(count, Values(mean_C), Values(m2_C));
    }

    public static Tensor ScaleAndShift(Tensor x, double[] scale, double[] shift)
    {
        if (HasKernel(x)) return BatchNormKernels.ScaleAndShift(x, scale, shift);
        using var scope = NewDisposeScope();
        return x.mul(Channels(scale, x)).add(Channels(shift, x), Constants.One).MoveToOuterDisposeScope();
    }

    public static GradientSums Sums(Tensor dy, Tensor x, double[] mean, double[] inverseDeviation)
    {
        if (HasKernel(x)) return BatchNormKernels.GradientSums(dy, x, mean, inverseDeviation);
        using var scope = NewDisposeScope();
        Tensor wide = dy.to(ScalarType.Float64), normalised = x.to(ScalarType.Float64).add(Channels(mean, wide), Constants.MinusOne).mul(Channels(inverseDeviation, wide));
        return new(Values(wide.sum(s_exceptChannels)), Values(wide.mul(normalised).sum(s_exceptChannels)));
    }

    /// <summary>dL/dx.</summary>
    public static Tensor InputGradient(Tensor dy, Tensor x, GradientConstants constants)
    {
        if (HasKernel(x)) return BatchNormKernels.InputGradient(dy, x, constants);
        using var scope = NewDisposeScope();
        Tensor centred = x.add(Channels(constants.Mean, x), Constants.MinusOne).mul(Channels(constants.Slope, x));
        return dy.add(Channels(constants.Shift, x), Constants.MinusOne).add(centred, Constants.MinusOne)
            .mul(Channels(constants.Scale, x)).MoveToOuterDisposeScope();
    }

    /// <summary>A vector's elements as float64.</summary>
    public static double[] Values(Tensor vector)
    {
        using Tensor wide = vector.to(ScalarType.Float64).cpu();
        return wide.data<double>().ToArray();
    }

    private static readonly long[] s_exceptChannels = [0, 2, 3];

    private static bool HasKernel(Tensor x) => x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU;

    private static Tensor Channels(double[] values, Tensor like) => PerChannel(tensor(values, like.dtype, like.device));

    private static Tensor PerChannel(Tensor values) => values.view(1, -1, 1, 1);
}
