using System.Globalization;
using System.Text.Json;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

/// <summary>The published event-camera recipes, scaled down, from downloaded files to an evaluated checkpoint.</summary>
public sealed class EventCameraTests : IDisposable
{
    private static readonly string[] Small =
    [
        "--set", "model.variant=null", "--set", "model.kernel=3", "--set", "model.strides=[4,4]", "--set", "model.width=16", "--set", "model.depth=1",
        "--set", "model.heads=2", "--set", "batch=16", "--set", "shards=2", "--set", "data.timeSteps=2",
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void DVS128_Gesture_trains_from_trials_and_prepared_to_the_same_bits_by_the_published_rates()
    {
        TestData.RequireLong();
        DvsTrees.Gesture(_folder["DVSGesture"], [1, 2, 24], events: 300);
        JsonElement raw = Train("dvs-gesture", _folder["DVSGesture"], "raw", workers: 1, "--set", "epochs=3");
        Assert.Equal("completed", raw.GetProperty("state").GetString());

        JsonElement prepared = ClientProcess.RunJson(["data", "prepare", "dvs-gesture", "--source", _folder["DVSGesture"], "--out", _folder["prepared"], .. Small]);
        Assert.Equal((22, 11), (prepared.GetProperty("trainSamples").GetInt32(), prepared.GetProperty("testSamples").GetInt32()));
        JsonElement mapped = Train("dvs-gesture", _folder["prepared"], "mapped", workers: 2, "--set", "epochs=3");
        foreach (string digest in new[] { "weightsDigest", "stepDigest" })
            Assert.Equal(raw.GetProperty(digest).GetString(), mapped.GetProperty(digest).GetString());

        AssertPublishedRates("dvsgesture", "mapped", steps: 6);
        JsonElement evaluated = ClientProcess.RunJson("evaluate", "--out", _folder["mapped"]);
        Assert.Equal(11, evaluated.GetProperty("samples").GetInt32());
    }

    [Fact]
    public void CIFAR10_DVS_trains_with_the_augmentation_of_the_authors_to_the_same_bits_on_one_and_two_workers()
    {
        TestData.RequireLong();
        DvsTrees.Cifar10Dvs(_folder["DVSCIFAR"], perClass: 10, events: 200);
        foreach ((string run, int workers) in (ReadOnlySpan<(string, int)>)[("one", 1), ("two", 2)])
        {
            JsonElement end = Train("dvs-cifar10", _folder["DVSCIFAR"], run, workers, "--set", "epochs=3", "--set", "batch=45", "--set", "data.augmentTest=true");
            Assert.Equal("completed", end.GetProperty("state").GetString());
            AssertPublishedRates("dvscifar10", run, steps: 6);
        }
        Assert.Equal(Steps("one").Select(step => step.GetProperty("digest").GetString()), Steps("two").Select(step => step.GetProperty("digest").GetString()));

        JsonElement cached = ClientProcess.RunJson(["data", "prepare", "--recipe", "dvs-cifar10", "--data", _folder["DVSCIFAR"], .. Small]);
        Assert.Equal(90, cached.GetProperty("trainSamples").GetInt32());
        JsonElement verified = ClientProcess.RunJson(["data", "verify", "--recipe", "dvs-cifar10", "--data", _folder["DVSCIFAR"], .. Small]);
        Assert.Equal((90, 10, 0), (verified.GetProperty("trainSamples").GetInt32(), verified.GetProperty("testSamples").GetInt32(),
            verified.GetProperty("problems").GetArrayLength()));
        JsonElement inspected = ClientProcess.RunJson(["data", "inspect", "--recipe", "dvs-cifar10", "--data", _folder["DVSCIFAR"], .. Small]);
        Assert.Equal("airplane", inspected.GetProperty("classes")[0].GetString());
        Assert.Equal(200, inspected.GetProperty("splits")[0].GetProperty("minEvents").GetInt32());
    }

    private JsonElement Train(string recipe, string data, string run, int workers, params string[] more) =>
        ClientProcess.RunJson(["train", "--recipe", recipe, "--data", data, "--out", _folder[run], "--workers", $"{workers}", .. Small, .. more]);

    /// <summary>Every step has the rate of its epoch in the authors' log: 0 in the first two, so that no weight changes before the third.</summary>
    private void AssertPublishedRates(string job, string run, int steps)
    {
        double[] published = [.. from line in File.ReadLines(GoldenFile.PathOf("lr_schedules.csv"))
                                 let cells = line.Split(',')
                                 where cells[0] == job
                                 select double.Parse(cells[^1], CultureInfo.InvariantCulture)];
        Assert.NotEqual(0, published[2]);
        JsonElement[] trained = Steps(run);
        Assert.Equal(steps, trained.Length);
        Assert.All(trained, step => Assert.Equal(published[step.GetProperty("epoch").GetInt32()], step.GetProperty("learningRate").GetDouble(), tolerance: 1e-17));
    }

    private JsonElement[] Steps(string run) => [.. File.ReadLines(Path.Combine(_folder[run], "steps.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];
}
