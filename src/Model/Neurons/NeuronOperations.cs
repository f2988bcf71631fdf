using static TorchSharp.torch;

namespace Spikeformer.Neurons;

/// <summary>The multi-step neuron in libtorch operations: any device, float32 or float64, every option. The oracle for the fused kernels.</summary>
internal static class NeuronOperations
{
    /// <param name="Output">y, [T, ...].</param>
    /// <param name="Potentials">u, [T, ...]: the charged potentials before reset.</param>
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

    public static ForwardResult Forward(Tensor x, Tensor? start, double k, NeuronOptions options)
    {
        long steps = x.shape[0];
        Tensor v = start ?? full_like(x[0], options.Reset ?? 0);
        var outputs = new Tensor[steps];
        var potentials = new Tensor[steps];
        for (int t = 0; t < steps; t++)
        {
            Tensor u = Charge(x[t], v, k, options);
            Tensor spike = u.ge(options.Threshold).to(x.dtype);
            outputs[t] = options.IsAnalog ? u.relu() : spike;
            potentials[t] = u;
            v = options.Reset is { } reset ? where(spike.to(ScalarType.Bool), full_like(u, reset), u) : u - spike * options.Threshold;
        }
        return new(stack(outputs), stack(potentials), v.clone());
    }

    public static BackwardResult Backward(
        Tensor x, Tensor? start, Tensor potentials, Tensor? outputGradient, Tensor? lastPotentialGradient, double k, NeuronOptions options)
    {
        double reset = options.Reset ?? 0, alpha = options.SurrogateAlpha, threshold = options.Threshold;
        bool leaks = options.Kind != NeuronKind.If;
        long steps = x.shape[0];
        var inputGradients = new Tensor[steps];
        Tensor v_gradient = lastPotentialGradient ?? zeros_like(x[0]);
        double decayGradient = 0;
        for (long t = steps - 1; t >= 0; t--)
        {
            Tensor u = potentials[t];
            Tensor spike = u.ge(threshold).to(x.dtype);
            Tensor sigmoid = ((u - threshold) * alpha).sigmoid();
            Tensor surrogate = sigmoid * (1 - sigmoid) * alpha;

            Tensor resetSlope = options.Reset is null ? ones_like(u) : 1 - spike;
            if (!options.DetachReset) resetSlope = resetSlope + (options.Reset is null ? surrogate * -threshold : surrogate * (reset - u));
            Tensor u_gradient = v_gradient * resetSlope;
            if (outputGradient is not null)
                u_gradient = u_gradient + outputGradient[t] * (options.IsAnalog ? u.gt(0).to(x.dtype) : surrogate);

            bool scaled = leaks && options.DecayInput;
            inputGradients[t] = scaled ? u_gradient * k : u_gradient;
            if (leaks)
            {
                Tensor v = t > 0 ? AfterReset(potentials[t - 1], options) : start ?? full_like(u, reset);
                Tensor slope = options.DecayInput ? x[t] - (v - reset) : reset - v;
                decayGradient += (u_gradient * slope).sum(ScalarType.Float64).item<double>();
                v_gradient = u_gradient * (1 - k);
            }
            else
            {
                v_gradient = u_gradient;
            }
        }
        return new(stack(inputGradients), v_gradient, decayGradient);
    }

    private static Tensor Charge(Tensor x, Tensor v, double k, NeuronOptions options)
    {
        if (options.Kind == NeuronKind.If) return v + x;
        Tensor above = options.Reset is { } reset and not 0 ? v - reset : v;
        return options.DecayInput ? v + (x - above) * k : v - above * k + x;
    }

    private static Tensor AfterReset(Tensor u, NeuronOptions options)
    {
        Tensor spike = u.ge(options.Threshold);
        return options.Reset is { } reset ? where(spike, full_like(u, reset), u) : u - spike.to(u.dtype) * options.Threshold;
    }
}
