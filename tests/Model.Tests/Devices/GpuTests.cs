using Spikeformer.Devices;
using Spikeformer.Model.Tests.Training;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.Training;
using TorchSharp;
using Xunit;

namespace Spikeformer.Model.Tests.Devices;

/// <summary>The engine on a CUDA device. Build with <c>-p:TorchBackend=cuda</c> and run with <c>CUBLAS_WORKSPACE_CONFIG=:4096:8
/// NVIDIA_TF32_OVERRIDE=0</c> on a machine with a GPU.</summary>
[Collection(nameof(ComputeThreadsTests))]
public sealed class GpuTests
{
    private const int Samples = 14;
    // The device sums in another order than the CPU, and has another exp.
    private const float Rounding = 1e-4f;

    [Theory]
    [InlineData(BatchNormMode.Global, NeuronKind.Plif)]
    [InlineData(BatchNormMode.Global, NeuronKind.Pliaf)]
    [InlineData(BatchNormMode.Shard, NeuronKind.Plif)]
    [InlineData(BatchNormMode.Shard, NeuronKind.Lif)]
    public void A_GPU_gives_the_step_vectors_of_the_CPU_to_rounding(BatchNormMode mode, NeuronKind neuron) =>
        DeviceAgreement.AssertClose(mode, neuron, Gpu.Open(), Rounding);

    [Fact]
    public void A_GPU_in_bf16_gives_nearly_the_gradient_of_the_CPU() => DeviceAgreement.AssertNearInBf16(Gpu.Open());

    [Fact]
    public void A_GPU_in_fp16_gives_nearly_the_gradient_of_float32_on_the_CPU() => DeviceAgreement.AssertNearInFp16(Gpu.Open());

    [Theory]
    [InlineData(Precision.Fp32)]
    [InlineData(Precision.Bf16)]
    [InlineData(Precision.Fp16)]
    public void A_GPU_gives_the_same_bits_again_and_for_every_grouping_of_the_shards(Precision precision)
    {
        ComputeDevice device = Gpu.Open();
        using var rig = new ShardEngineTests.Rig(BatchNormMode.Global, precision, deviceOf: () => device);
        ShardInput[] inputs = rig.Inputs(7, Samples);
        byte[][] together = rig.Compute(inputs, [7]);
        Assert.Equal(together, rig.Compute(inputs, [7]));
        Assert.Equal(together, rig.Compute(inputs, [2, 4, 1]));
    }

    [Fact]
    public void A_GPU_keeps_no_tensor_from_step_to_step()
    {
        ComputeDevice device = Gpu.Open();
        using var rig = new ShardEngineTests.Rig(BatchNormMode.Global, deviceOf: () => device);
        ShardInput[] inputs = rig.Inputs(4, Samples);
        using ShardEngine engine = rig.Engine();
        var counts = new List<long>();
        for (int step = 0; step < 6; step++)
        {
            engine.Compute(new(step, 0, Samples), inputs, rig.LocalCoupling(inputs));
            // Counts all threads, since the backward pass runs on libtorch's own thread for the device.
            counts.Add(torch.Tensor.TotalCount);
        }
        Assert.Single(counts.Skip(1).Distinct());
    }

    [Fact]
    public void A_GPU_is_named_in_the_fingerprint()
    {
        ComputeDevice device = Gpu.Open();
        NumericsFingerprint gpu = NumericsFingerprint.OfThisProcess(RecipeCatalogue.Load("demo"), device);
        Assert.StartsWith("cuda ", gpu.Fields["device"]);
        Assert.Equal(["device"], gpu.DifferencesFrom(NumericsFingerprint.OfThisProcess(RecipeCatalogue.Load("demo"))).Select(difference => difference.Field));
    }

    [Fact]
    public void Without_a_GPU_a_CUDA_worker_says_why_it_cannot_compute()
    {
        Assert.SkipWhen(CudaLibrary.Problem is null, "needs a machine without a GPU");
        var error = Assert.Throws<SpikeformerException>(() => ComputeDevice.Open("cuda:0"));
        (string what, string remedy) = CudaLibrary.Problem!.Value;
        Assert.Equal($"This worker cannot compute on a CUDA device: {what}. {remedy}.", error.Message);
        Assert.Equal(0, CudaLibrary.Count);
        if (!CudaLibrary.HasDriver) Assert.Equal("this machine has no NVIDIA driver (/dev/nvidiactl)", what);
    }
}
