using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Devices;

/// <summary>A run on a device simulated by the CPU, from the first step to the evaluation.</summary>
public sealed class DeviceTrainingTests
{
    private static readonly string[] Small =
        ["shards=2", "batch=16", "epochs=1", "data.trainSamples=96", "data.testSamples=16", "data.canvas=[16,16]", "model.width=32", "model.heads=2"];

    [Fact]
    public void A_repeated_fp16_run_gives_the_same_bits_and_learns_as_float32_on_the_CPU()
    {
        TestData.RequireLong();
        OracleRun first = Oracle.Train(RecipeCatalogue.Load("demo", [.. Small, "precision=fp16"]), device: new SimulatedDevice());
        OracleRun second = Oracle.Train(RecipeCatalogue.Load("demo", [.. Small, "precision=fp16"]), device: new SimulatedDevice());
        OracleRun onCpu = Oracle.Train(RecipeCatalogue.Load("demo", Small));
        Assert.Equal((first.WeightsDigest, first.Evaluations[0]), (second.WeightsDigest, second.Evaluations[0]));
        Assert.Equal(first.Digests, second.Digests);
        Assert.NotEqual(onCpu.Digests, first.Digests);
        Assert.InRange(first.Evaluations[0].Loss / onCpu.Evaluations[0].Loss, 0.8, 1.2);
    }
}
