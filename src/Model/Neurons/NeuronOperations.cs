using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Neurons;

/// <summary>The multi-step neuron in libtorch operations, for any device and all options. It computes the cases that the fused kernels do
/// not, and is their oracle. It computes in float64 for float64 inputs, otherwise in float32.</summary>
internal static class NeuronOperations
{
    /// <param name="Output">y, [T, ...].</param>
    /// <param name="Potentials">u, [T, ...]: the potentials after charging, before reset.</param>
    /// <param name="LastPotential">v after the last reset.</param>
    public readonly record struct ForwardResult(Tensor Output, Tensor Potentials, Tensor LastPotential)
    {
        public ForwardResult MoveToOuterScope() =>
            new(Output.MoveToOuterDisposeScope(), Potentials.MoveToOuterDisposeScope(), LastPotential.MoveToOuterDisposeScope());
    }

    /// <param name="Input">dL/dx, [T, ...].</param>
    /// <param name="Start">dL/dv[-1], shape of one step.</param>
    /// <param name="Decay">dL/dk.</param>
    public readonly record struct BackwardResult(Tensor Input, Tensor Start, double Decay);

    /// <summary>Converts x to the type that it is computed in.</summary>
    public static Tensor Wide(Tensor x) => x.dtype == ScalarType.Float64 ? x : x.to(ScalarType.Float32);

    public static ForwardResult Forward(Tensor x, Tensor? start, double k, NeuronOptions options)
    {
        using var constants = new Scalars(k, options);
        ScalarType stored = x.dtype;
        x = Wide(x);
        long steps = x.shape[0];
        Tensor v = start ?? full_like(x[0], constants.Reset);
        var outputs = new Tensor[steps];
        var potentials = new Tensor[steps];
        for (int t = 0; t < steps; t++)
        {
            Tensor u = Charge(x[t], v, constants, options);
            outputs[t] = (options.IsAnalog ? u.relu() : u.ge(constants.Threshold)).to(stored);
            potentials[t] = u;
            v = AfterReset(u, constants, options);
        }
        return new(stack(outputs), stack(potentials), v.clone());
    }

    public static BackwardResult Backward(
        Tensor x, Tensor? start, Tensor potentials, Tensor? outputGradient, Tensor? lastPotentialGradient, double k, NeuronOptions options)
    {
        using var constants = new Scalars(k, options);
        ScalarType stored = x.dtype;
        (x, outputGradient) = (Wide(x), outputGradient is null ? null : Wide(outputGradient));
        bool leaks = options.Kind != NeuronKind.If, scaled = leaks && options.DecayInput;
        long steps = x.shape[0];
        var inputGradients = new Tensor[steps];
        Tensor v_gradient = lastPotentialGradient ?? zeros_like(x[0]);
        var decayGradients = new List<Tensor>();
        for (long t = steps - 1; t >= 0; t--)
        {
            Tensor u = potentials[t];
            Tensor spike = u.ge(constants.Threshold).to(x.dtype);
            Tensor sigmoid = u.sub(constants.Threshold).mul(constants.Alpha).sigmoid();
            Tensor surrogate = sigmoid.mul(ones_like(u).add(sigmoid, Constants.MinusOne)).mul(constants.Alpha);

            Tensor resetSlope = options.Reset is null ? ones_like(u) : ones_like(u).add(spike, Constants.MinusOne);
            if (!options.DetachReset)
                resetSlope = options.Reset is null
                    ? resetSlope.add(surrogate, constants.MinusThreshold)
                    : resetSlope.add(surrogate.mul(full_like(u, constants.Reset).add(u, Constants.MinusOne)), Constants.One);
            Tensor u_gradient = v_gradient.mul(resetSlope);
            if (outputGradient is not null)
            {
                Tensor slope = options.IsAnalog ? u.gt(constants.Zero).to(x.dtype) : surrogate;
                u_gradient = u_gradient.add(outputGradient[t].mul(slope), Constants.One);
            }

            inputGradients[t] = scaled ? u_gradient.mul(constants.K) : u_gradient;
            v_gradient = leaks ? u_gradient.mul(constants.Keep) : u_gradient;
            if (!leaks) continue;
            Tensor v = t > 0 ? AfterReset(potentials[t - 1], constants, options) : start ?? full_like(u, constants.Reset);
            Tensor above = v.sub(constants.Reset), decaySlope = scaled ? x[t].add(above, Constants.MinusOne) : above.neg();
            decayGradients.Add(u_gradient.mul(decaySlope).sum(ScalarType.Float64));
        }
        // One transfer for all: each transfer waits for the device's queued work.
        double decayGradient = decayGradients.Count == 0 ? 0 : TensorMemory.Values(stack(decayGradients)).Sum();
        return new(stack(inputGradients).to(stored), v_gradient, decayGradient);
    }

    private static Tensor Charge(Tensor x, Tensor v, Scalars constants, NeuronOptions options)
    {
        if (options.Kind == NeuronKind.If) return v.add(x, Constants.One);
        Tensor above = options.Reset is null or 0 ? v : v.sub(constants.Reset);
        return options.DecayInput
            ? v.add(x.add(above, Constants.MinusOne).mul(constants.K), Constants.One)
            : v.add(above.mul(constants.K), Constants.MinusOne).add(x, Constants.One);
    }

    private static Tensor AfterReset(Tensor u, Scalars constants, NeuronOptions options)
    {
        Tensor spike = u.ge(constants.Threshold);
        return options.Reset is null ? u.add(spike.to(u.dtype), constants.MinusThreshold) : where(spike, full_like(u, constants.Reset), u);
    }

    /// <summary>The constants of a neuron as scalars that live until the end of a call. TorchSharp may finalise implicit scalars while libtorch
    /// reads them.</summary>
    private sealed class Scalars(double k, NeuronOptions options) : IDisposable
    {
        public readonly Scalar K = k.ToScalar(), Keep = (1 - k).ToScalar(), Threshold = options.Threshold.ToScalar(), MinusThreshold = (-options.Threshold).ToScalar();
        public readonly Scalar Reset = (options.Reset ?? 0).ToScalar(), Alpha = options.SurrogateAlpha.ToScalar(), Zero = 0.0.ToScalar();

        public void Dispose()
        {
            foreach (Scalar scalar in (ReadOnlySpan<Scalar>)[K, Keep, Threshold, MinusThreshold, Reset, Alpha, Zero]) scalar.Dispose();
        }
    }
}
