using Spikeformer.Autograd;
using static TorchSharp.torch;

namespace Spikeformer.Neurons;

/// <summary>
/// A layer of spiking neurons over all time steps of a sequence, as one node of the autograd graph. Let u be the potential after charging and
/// v the potential after reset, with v[-1] = v_reset. For each time step:
/// <code>
/// charge  u[t] = v[t-1] + (x[t] - (v[t-1] - v_reset)) k      (decay_input; k = sigmoid(w), 1/tau for LIF; IF: u = v + x)
/// fire    s[t] = 1 if u[t] >= threshold else 0
/// output  y[t] = s[t]  (PLIF, LIF, IF)   or   relu(u[t])  (PLIAF, LIAF)
/// reset   v[t] = s[t] ? v_reset : u[t]                        (hard; soft: u[t] - s[t] threshold)
/// </code>
/// </summary>
/// <remarks>Gradients replace ds/du by the sigmoid surrogate a sg (1 - sg), sg = sigmoid(a (u - threshold)), and propagate back through time from the last
/// step. Values and gradients are those of the authors' model code on SpikingJelly 0.0.0.0.10 (multi-step neurons, torch backend).</remarks>
public static class MultiStepNeuron
{
    /// <summary>Runs the layer, starting from the reset potential.</summary>
    /// <param name="x_T">Input currents, [T, ...], float32, float64, bfloat16 or float16, on any device.</param>
    /// <param name="w">The learnable decay of a parametric neuron, a 0-dimensional float32 or float64 tensor; otherwise null.</param>
    /// <param name="options">The neuron model and its constants.</param>
    /// <returns>The outputs, with the shape and type of the input: spikes 0 or 1, or potentials of at least 0. The caller disposes them.</returns>
    /// <exception cref="ArgumentException"><paramref name="w"/> is missing for a parametric neuron, or given for another.</exception>
    public static Tensor Apply(Tensor x_T, Tensor? w, NeuronOptions options) => NeuronKernels.CanRun(x_T, options)
        ? FusedNode.Run(x_T, w, options)
        : Node.Run(x_T, w, null, options).Output;

    /// <summary>Runs the layer from a given potential.</summary>
    /// <param name="x_T">Input currents, [T, ...].</param>
    /// <param name="w">The learnable decay of a parametric neuron; otherwise null.</param>
    /// <param name="v">Membrane potential before the first time step, with the shape of one time step; null is the reset potential.</param>
    /// <param name="options">The neuron model and its constants.</param>
    /// <returns>The outputs and the potential after the last reset, both differentiable. The caller disposes them.</returns>
    internal static (Tensor Output, Tensor LastPotential) ApplyFrom(Tensor x_T, Tensor? w, Tensor? v, NeuronOptions options) =>
        Node.Run(x_T, w, v, options);

    private sealed class Node : AutogradNode
    {
        private readonly NeuronOptions _options;
        private readonly double _decay;
        private readonly Tensor _x, _potentials;
        private readonly Tensor? _start;
        private readonly ScalarType _decayType;
        private readonly bool _hasDecay, _hasStart;

        private Node(Tensor x, Tensor? w, Tensor? start, double decay, Tensor potentials, NeuronOptions options)
        {
            (_options, _decay, _hasDecay, _hasStart) = (options, decay, w is not null, start is not null);
            _decayType = w?.dtype ?? x.dtype;
            _x = x.detach().DetachFromDisposeScope();
            _start = start?.detach().DetachFromDisposeScope();
            _potentials = potentials.DetachFromDisposeScope();
        }

        public static (Tensor Output, Tensor LastPotential) Run(Tensor x, Tensor? w, Tensor? start, NeuronOptions options)
        {
            double decay = Decay(w, options);
            NeuronOperations.ForwardResult forward;
            using (no_grad())
            using (NewDisposeScope())
                forward = NeuronOperations.Forward(x, start, decay, options).MoveToOuterScope();
            var node = new Node(x, w, start, decay, forward.Potentials, options);
            Tensor[] inputs = (w, start) switch
            {
                (null, null) => [x],
                (null, _) => [x, start],
                (_, null) => [x, w],
                _ => [x, w, start],
            };
            Tensor[] outputs = node.Connect(inputs, [forward.Output, forward.LastPotential]);
            return (outputs[0], outputs[1]);
        }

        protected override void Backward(ReadOnlySpan<Tensor?> outputGradients, Span<Tensor?> inputGradients)
        {
            using var noGrad = no_grad();
            NeuronOperations.BackwardResult result =
                NeuronOperations.Backward(_x, _start, _potentials, outputGradients[0], outputGradients[1], _decay, _options);
            int next = 0;
            inputGradients[next++] = result.Input;
            // k = sigmoid(w), so dk/dw = k (1 - k).
            if (_hasDecay) inputGradients[next++] = tensor(result.Decay * _decay * (1 - _decay), _decayType, _x.device);
            if (_hasStart) inputGradients[next] = result.Start;
        }

        protected override void Release()
        {
            _x.Dispose();
            _start?.Dispose();
            _potentials.Dispose();
        }
    }

    /// <summary>The layer by the fused kernels, starting from the reset potential. It keeps only x, which the graph holds anyway.</summary>
    private sealed class FusedNode : AutogradNode
    {
        private readonly NeuronOptions _options;
        private readonly double _decay;
        private readonly Tensor _x;
        private readonly ScalarType _decayType;

        private FusedNode(Tensor x, double decay, ScalarType decayType, NeuronOptions options) =>
            (_x, _decay, _decayType, _options) = (x.detach().DetachFromDisposeScope(), decay, decayType, options);

        public static Tensor Run(Tensor x_T, Tensor? w, NeuronOptions options)
        {
            double decay = Decay(w, options);
            using Tensor x = x_T.contiguous();
            Tensor y;
            using (no_grad())
            {
                y = empty_like(x);
                NeuronKernels.Forward(x, y, decay, options);
            }
            return new FusedNode(x, decay, w?.dtype ?? x.dtype, options).Connect(w is null ? [x] : [x, w], [y])[0];
        }

        protected override void Backward(ReadOnlySpan<Tensor?> outputGradients, Span<Tensor?> inputGradients)
        {
            if (outputGradients[0] is not { } dy) return;
            using var noGrad = no_grad();
            Tensor dx = empty_like(_x);
            double dw = NeuronKernels.Backward(_x, dy.contiguous(), dx, _decay, _options);
            inputGradients[0] = dx;
            if (_options.IsParametric) inputGradients[1] = tensor(dw, _decayType, _x.device);
        }

        protected override void Release() => _x.Dispose();
    }

    /// <summary>Returns the decay k of a neuron, computed in the type of w.</summary>
    internal static double Decay(Tensor? w, NeuronOptions options)
    {
        if (options.IsParametric != w is not null)
            throw new ArgumentException(
                $"A {options.Kind} neuron {(options.IsParametric ? "needs a" : "has no")} learnable decay w.", nameof(w));
        if (w is not null)
        {
            double e = Math.Exp(-TensorMemory.Value(w));
            // Rounds where libtorch's float32 sigmoid rounds. exp is float64, so the C library's last bit does not matter.
            return w.dtype == ScalarType.Float32 ? 1 / (1 + (float)e) : 1 / (1 + e);
        }
        return options.Kind == NeuronKind.If ? 1 : 1 / options.Tau;
    }
}
