using Spikeformer.Autograd;
using Spikeformer.Neurons;
using Spikeformer.Recipes;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Neurons;

public sealed class MultiStepNeuronTests
{
    public static readonly TheoryData<NeuronKind> Kinds = new(Enum.GetValues<NeuronKind>());

    [Theory, MemberData(nameof(Kinds))]
    public void Float32_through_the_kernels_and_float64_through_libtorch_give_the_same_gradients(NeuronKind kind)
    {
        using var scope = NewDisposeScope();
        var options = new NeuronOptions { Kind = kind };
        (Tensor x, Tensor upstream) = (Currents(6, 5, 7), Currents(6, 5, 7, seed: 2));

        (Tensor y, Tensor dx, Tensor? dw) = Differentiate(x, upstream, options, ScalarType.Float32);
        (Tensor expectedY, Tensor expectedDx, Tensor? expectedDw) = Differentiate(x, upstream, options, ScalarType.Float64);

        Assert.Equal([6, 5, 7], y.shape);
        Assert.Equal(ScalarType.Float32, y.dtype);
        AssertClose(expectedY, y);
        AssertClose(expectedDx, dx);
        if (options.IsParametric) AssertClose(expectedDw!, dw!);
    }

    [Fact]
    public void Currents_and_gradients_of_any_layout_are_accepted()
    {
        using var scope = NewDisposeScope();
        var options = new NeuronOptions();
        (Tensor x, Tensor upstream) = (Currents(6, 5, 7), Currents(6, 5, 7, seed: 2));
        (Tensor expectedY, Tensor expectedDx, Tensor? expectedDw) = Differentiate(x, upstream, options, ScalarType.Float32);

        (Tensor y, Tensor dx, Tensor? dw) = Differentiate(
            x.transpose(1, 2).contiguous().transpose(1, 2), upstream.transpose(0, 2).contiguous().transpose(0, 2),
            options, ScalarType.Float32);

        Assert.True(y.equal(expectedY).all().item<bool>());
        Assert.True(dx.equal(expectedDx).all().item<bool>());
        Assert.Equal(expectedDw!.item<float>(), dw!.item<float>());
    }

    [Fact]
    public void A_shard_without_samples_gives_empty_outputs_and_zero_gradients()
    {
        using var scope = NewDisposeScope();
        (Tensor y, Tensor dx, Tensor? dw) = Differentiate(zeros([4, 0, 3]), zeros([4, 0, 3]), new NeuronOptions(), ScalarType.Float32);
        Assert.Equal([4, 0, 3], y.shape);
        Assert.Equal([4, 0, 3], dx.shape);
        Assert.Equal(0, dw!.item<float>());
    }

    [Fact]
    public void A_parametric_neuron_needs_its_decay_and_the_others_have_none()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => MultiStepNeuron.Apply(zeros([4, 3]), null, new NeuronOptions { Kind = NeuronKind.Plif }));
        Assert.Throws<ArgumentException>(() =>
            MultiStepNeuron.Apply(zeros([4, 3]), tensor(0f), new NeuronOptions { Kind = NeuronKind.Lif }));
        Assert.Throws<ArgumentException>(() =>
            MultiStepNeuron.Apply(zeros([4, 3], ScalarType.Float64), null, new NeuronOptions { Kind = NeuronKind.Plif }));
    }

    [Fact]
    public void A_forward_and_backward_pass_leaves_no_tensors_behind()
    {
        // Only the scope's own tensors may be alive: this thread's live count returns to its value before.
        Step();
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 20; i++) Step();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        static void Step()
        {
            using var scope = NewDisposeScope();
            Differentiate(Currents(6, 5, 7), Currents(6, 5, 7, seed: 2), new NeuronOptions(), ScalarType.Float32);
            using (no_grad()) MultiStepNeuron.Apply(Currents(6, 5, 7), tensor(0f), new NeuronOptions());
        }
    }

    private static (Tensor Y, Tensor Dx, Tensor? Dw) Differentiate(Tensor currents, Tensor upstream, NeuronOptions options, ScalarType type)
    {
        Tensor x = currents.to(type).detach().requires_grad_(true);
        Tensor? w = options.IsParametric ? tensor(-0.4, type).requires_grad_(true) : null;
        Tensor y = MultiStepNeuron.Apply(x, w, options);
        Differentiation.Backward([y], [upstream.to(type)]);
        return (y, x.grad!, w?.grad);
    }

    private static Tensor Currents(int steps, int rows, int columns, int seed = 1)
    {
        var random = new Random(seed);
        float[] values = new float[steps * rows * columns];
        for (int i = 0; i < values.Length; i++) values[i] = (float)(random.NextDouble() * 6 - 2.5);
        return tensor(values, [steps, rows, columns]);
    }

    private static void AssertClose(Tensor expected, Tensor actual) =>
        Assert.True((expected - actual.to(ScalarType.Float64)).abs().max().item<double>() < 1e-5);
}
