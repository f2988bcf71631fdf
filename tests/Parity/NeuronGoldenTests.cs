using Spikeformer.Autograd;
using Spikeformer.Neurons;
using Spikeformer.Recipes;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

public sealed class NeuronGoldenTests
{
    private static readonly Dictionary<string, NeuronOptions> s_neurons = new()
    {
        ["neuron_plif_tau1.25"] = new() { Tau = 1.25 },
        ["neuron_plif_tau2"] = new() { Tau = 2 },
        ["neuron_plif_tau5"] = new() { Tau = 5 },
        ["neuron_pliaf_tau1.25"] = new() { Kind = NeuronKind.Pliaf, Tau = 1.25 },
        ["neuron_pliaf_tau2"] = new() { Kind = NeuronKind.Pliaf, Tau = 2 },
        ["neuron_pliaf_tau5"] = new() { Kind = NeuronKind.Pliaf, Tau = 5 },
        ["neuron_plif_tau2_attached_reset"] = new() { DetachReset = false },
        ["neuron_pliaf_tau2_attached_reset"] = new() { Kind = NeuronKind.Pliaf, DetachReset = false },
        ["neuron_plif_tau2_nodecayinput"] = new() { DecayInput = false },
        ["neuron_plif_tau2_softreset"] = new() { Reset = null },
        ["neuron_plif_tau2_vreset-0.25"] = new() { Reset = -0.25 },
        ["neuron_lif_tau2"] = new() { Kind = NeuronKind.Lif, Tau = 2 },
        ["neuron_liaf_tau3"] = new() { Kind = NeuronKind.Liaf, Tau = 3 },
        ["neuron_if"] = new() { Kind = NeuronKind.If },
    };

    public static MatrixTheoryData<string, ScalarType> Neurons => new(s_neurons.Keys, [ScalarType.Float64, ScalarType.Float32]);

    public static TheoryData<ScalarType> Arithmetics => [ScalarType.Float64, ScalarType.Float32];

    [Theory]
    [MemberData(nameof(Neurons))]
    public void Outputs_potentials_and_gradients_are_the_published_ones(string file, ScalarType dtype)
    {
        using var golden = new GoldenCase(file, dtype);
        NeuronOptions options = s_neurons[file];
        Tensor x = golden.Input("in/x").requires_grad_(true), x2 = golden.Input("in/x2").requires_grad_(true);
        Tensor gy = golden.Input("in/gy"), gy2 = golden.Input("in/gy2");
        Tensor? w = options.IsParametric ? golden.Input("param/w").requires_grad_(true) : null;
        if (w is not null) Assert.Equal(options.InitialW, w.to(ScalarType.Float64).item<double>(), 1e-7);

        (Tensor y, Tensor v) = MultiStepNeuron.ApplyFrom(x, w, null, options);
        Differentiation.Backward([y], [gy]);
        CheckOutput("out/y", y);
        golden.CheckValues("out/v_last", v);
        golden.CheckValues("out/v_charge", ChargedPotentials(x, w, options));
        golden.CheckGradient("grad/x", x.grad!);
        if (w is not null) golden.CheckGradient("grad/w", w.grad!);

        // Two consecutive calls. The gradient of the second flows through the potential between them to the first.
        // The files' float32 carry/grad_x1 includes grad/x, unlike the float64 one, so ours includes it too.
        if (dtype == ScalarType.Float64) x.grad = null;
        if (w is not null) w.grad = null;
        (Tensor y1, Tensor carried) = MultiStepNeuron.ApplyFrom(x, w, null, options);
        (Tensor y2, _) = MultiStepNeuron.ApplyFrom(x2, w, carried, options);
        Differentiation.Backward([y1, y2], [gy, gy2]);
        CheckOutput("carry/y2", y2);
        golden.CheckGradient("carry/grad_x1", x.grad!);
        golden.CheckGradient("carry/grad_x2", x2.grad!);
        if (w is not null) golden.CheckGradient("carry/grad_w", w.grad!);
        golden.CheckNothingIsLeft();

        void CheckOutput(string key, Tensor actual)
        {
            if (options.IsAnalog) golden.CheckValues(key, actual);
            else golden.CheckSpikes(key, actual);
        }
    }

    [Theory]
    [MemberData(nameof(Arithmetics))]
    public void The_step_function_and_its_surrogate_gradient_are_the_published_ones(ScalarType dtype)
    {
        using var golden = new GoldenCase("surrogate_sigmoid", dtype);
        Tensor z = golden.Input("in/x");
        foreach (int alpha in (int[])[1, 4])
        {
            // Without decay and with threshold 0, a neuron's first time step is the plain step function.
            Tensor x = z.unsqueeze(0).clone().requires_grad_(true);
            Tensor spikes = MultiStepNeuron.Apply(x, null, new() { Kind = NeuronKind.If, Threshold = 0, SurrogateAlpha = alpha });
            Differentiation.Backward([spikes], [ones_like(spikes)]);
            golden.CheckSpikes($"out/spike_alpha{alpha}", spikes.squeeze(0));
            golden.CheckGradient($"grad/x_alpha{alpha}", x.grad!.squeeze(0));
        }
        golden.CheckNothingIsLeft();
    }

    /// <summary>u of every time step: the last potential of a neuron that cannot fire, run for one time step from the potential of the real
    /// neuron.</summary>
    private static Tensor ChargedPotentials(Tensor x, Tensor? w, NeuronOptions options)
    {
        var u = new Tensor[x.shape[0]];
        Tensor? v = null;
        for (int t = 0; t < u.Length; t++)
        {
            Tensor step = x.narrow(0, t, 1);
            u[t] = MultiStepNeuron.ApplyFrom(step, w, v, options with { Threshold = 1e30 }).LastPotential;
            v = MultiStepNeuron.ApplyFrom(step, w, v, options).LastPotential;
        }
        return stack(u);
    }
}
