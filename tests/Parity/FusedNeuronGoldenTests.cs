using Spikeformer.Autograd;
using Spikeformer.Neurons;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

/// <summary>The fused kernels, which compute float32 layers without a given potential, against the authors' neurons.</summary>
public sealed class FusedNeuronGoldenTests
{
    [Theory]
    [InlineData("neuron_plif_tau1.25", NeuronKind.Plif, 1.25)]
    [InlineData("neuron_plif_tau2", NeuronKind.Plif, 2)]
    [InlineData("neuron_plif_tau5", NeuronKind.Plif, 5)]
    [InlineData("neuron_pliaf_tau1.25", NeuronKind.Pliaf, 1.25)]
    [InlineData("neuron_pliaf_tau2", NeuronKind.Pliaf, 2)]
    [InlineData("neuron_pliaf_tau5", NeuronKind.Pliaf, 5)]
    [InlineData("neuron_lif_tau2", NeuronKind.Lif, 2)]
    [InlineData("neuron_liaf_tau3", NeuronKind.Liaf, 3)]
    [InlineData("neuron_if", NeuronKind.If, 2)]
    public void Spikes_are_exact_and_potentials_and_gradients_close(string file, NeuronKind kind, double tau)
    {
        using var scope = NewDisposeScope();
        GoldenFile golden = GoldenFile.Load(file);
        var options = new NeuronOptions { Kind = kind, Tau = tau };
        Tensor x = Load(golden, "in/x").requires_grad_(true);
        Tensor? w = options.IsParametric ? Load(golden, "param/w").requires_grad_(true) : null;
        Assert.True(NeuronKernels.CanRun(x, options));

        Tensor y = MultiStepNeuron.Apply(x, w, options);
        Differentiation.Backward([y], [Load(golden, "in/gy")]);

        Assert.InRange(Error(golden, "out/y", y), 0, options.IsAnalog ? 1e-5 : 0);
        Assert.InRange(Error(golden, "grad/x", x.grad!), 0, 1e-5 * Load(golden, "grad/x").abs().max().item<float>() + 1e-6);
        if (w is not null) Assert.InRange(Error(golden, "grad/w", w.grad!), 0, 1e-3 * Load(golden, "grad/w").abs().item<float>() + 1e-6);
    }

    private static Tensor Load(GoldenFile golden, string key) => tensor(golden[key].AsSingle(), golden[key].Shape);

    private static double Error(GoldenFile golden, string key, Tensor actual) => (Load(golden, key) - actual).abs().max().item<float>();
}
