using Spikeformer.Devices;
using Spikeformer.Neurons;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>The passes of <see cref="SpikingNorm"/> over contiguous [T, ..., C] tensors: fused kernels where they can run, otherwise libtorch.</summary>
internal static class SpikingNormMath
{
    /// <summary>Returns the count, mean and squared deviations of each channel.</summary>
    public static BatchMoments Moments(Tensor x)
    {
        int channels = (int)x.shape[^1];
        double count = x.NumberOfElements / channels;
        if (HasKernel(x))
        {
            double[] sums = BatchNormKernels.SumsOfPowers(x), mean = sums[..channels], m2 = sums[channels..];
            for (int c = 0; c < channels; c++)
            {
                mean[c] /= count;
                m2[c] = Math.Max(0, m2[c] - sums[c] * mean[c]);
            }
            return new(count, mean, m2);
        }
        using var scope = NewDisposeScope();
        Tensor wide = Rows(x).to(ScalarType.Float64), mean_C = wide.mean(s_rows);
        Tensor m2_C = wide.add(mean_C, Constants.MinusOne).square().sum(s_rows);
        return new(count, TensorMemory.Values(mean_C), TensorMemory.Values(m2_C));
    }

    /// <summary>Returns the outputs of the neurons for the currents x * scale + shift, plus the addend.</summary>
    public static Tensor Forward(Tensor x, ChannelAffine affine, double decay, NeuronOptions options, Tensor? addend)
    {
        if (NeuronKernels.CanRun(x, options))
        {
            Tensor y = empty_like(x);
            NeuronKernels.Forward(x, affine, y, addend, decay, options);
            return y;
        }
        using var scope = NewDisposeScope();
        Tensor output = NeuronOperations.Forward(Normalised(x, affine), null, decay, options).Output;
        return (addend is null ? output : output.add(addend, Constants.One)).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>Propagates back through the neurons.</summary>
    /// <returns>g = dL/dnormalised, its sums per channel, and dL/dw.</returns>
    public static (Tensor Gradient, GradientSums Sums, double Decay) Backward(
        Tensor x, Tensor dy, ChannelNorm norm, ChannelAffine affine, double decay, NeuronOptions options)
    {
        int channels = norm.Mean.Length;
        double[] plain, normalised;
        if (NeuronKernels.CanRun(x, options))
        {
            Tensor g = empty_like(x);
            double[] sums = new double[2 * channels];
            double dw = NeuronKernels.Backward(x, affine, norm.Mean, dy, g, decay, options, sums);
            (plain, normalised) = (sums[..channels], sums[channels..]);
            for (int c = 0; c < channels; c++) normalised[c] *= norm.InverseDeviation[c];
            return (g, new(plain, normalised), dw);
        }
        using var scope = NewDisposeScope();
        Tensor currents = Normalised(x, affine);
        Tensor potentials = NeuronOperations.Forward(currents, null, decay, options).Potentials;
        NeuronOperations.BackwardResult result = NeuronOperations.Backward(currents, null, potentials, dy, null, decay, options);
        Tensor wide = Rows(result.Input).to(ScalarType.Float64);
        Tensor hat = Rows(x).to(ScalarType.Float64).add(Channels(norm.Mean, wide), Constants.MinusOne).mul(Channels(norm.InverseDeviation, wide));
        // k = sigmoid(w), so dk/dw = k (1 - k).
        var found = new GradientSums(TensorMemory.Values(wide.sum(s_rows)), TensorMemory.Values(wide.mul(hat).sum(s_rows)));
        return (result.Input.to(x.dtype).MoveToOuterDisposeScope(), found, result.Decay * decay * (1 - decay));
    }

    /// <summary>Returns dL/dx for dL/dnormalised, which it may overwrite.</summary>
    public static Tensor InputGradient(Tensor gradient, Tensor x, GradientConstants constants)
    {
        if (HasKernel(x))
        {
            BatchNormKernels.InputGradient(gradient, x, constants);
            return gradient;
        }
        using var scope = NewDisposeScope();
        Tensor wide = NeuronOperations.Wide(x);
        Tensor centred = wide.add(Channels(constants.Mean, wide), Constants.MinusOne).mul(Channels(constants.Slope, wide));
        return gradient.add(Channels(constants.Shift, wide), Constants.MinusOne).add(centred, Constants.MinusOne)
            .mul(Channels(constants.Scale, wide)).to(x.dtype).MoveToOuterDisposeScope();
    }

    private static readonly long[] s_rows = [0];

    private static bool HasKernel(Tensor x) => x.dtype is ScalarType.Float32 or ScalarType.BFloat16 && OwnKernels.CanRun(x);

    /// <summary>Returns the currents x * scale + shift, in the type that the neurons compute in.</summary>
    private static Tensor Normalised(Tensor x, ChannelAffine affine)
    {
        Tensor wide = NeuronOperations.Wide(x);
        return wide.mul(Channels(affine.Scale, wide)).add(Channels(affine.Shift, wide), Constants.One);
    }

    private static Tensor Rows(Tensor x) => x.view(-1, x.shape[^1]);

    private static Tensor Channels(double[] values, Tensor like) => tensor(values, like.dtype, like.device);
}
