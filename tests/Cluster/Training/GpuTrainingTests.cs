using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Devices;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>A silo whose worker has a CUDA device. Build and environment are those of the engine's tests on a GPU.</summary>
public sealed class GpuTrainingTests : IDisposable
{
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData("global", "fp32")]
    [InlineData("shard", "fp32")]
    [InlineData("global", "bf16")]
    [InlineData("global", "fp16")]
    public async Task A_worker_with_a_GPU_gives_the_digests_of_the_oracle_on_that_GPU(string batchNorm, string precision)
    {
        ComputeDevice device = Gpu.Open();
        Recipe recipe = ClusterRuns.Recipe($"batchNorm={batchNorm}", $"precision={precision}");
        OracleRun oracle = Oracle.Train(recipe, device: device);
        using SiloProcess silo = await _runs.StartAsync("a", "cuda:0");
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        _runs.AssertSame(oracle, await _runs.TrainAsync(cluster, recipe, "gpu", workers: 1));
    }

    [Fact]
    public void Without_a_GPU_a_silo_for_CUDA_devices_says_why_and_ends()
    {
        Assert.SkipWhen(CudaLibrary.Problem is null, "needs a machine without a GPU");
        (int exitCode, _, string error) = SiloProcess.Run("run", "--silo-port", "0", "--gateway-port", "0", "--http-port", "0", "--devices", "cuda");
        (string what, string remedy) = CudaLibrary.Problem!.Value;
        Assert.Equal((int)ErrorKind.Usage, exitCode);
        Assert.Contains($"The devices 'cuda' need cuda:0, but {what}. {remedy}.", error);
    }
}
