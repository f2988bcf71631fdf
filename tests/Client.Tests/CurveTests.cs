using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

/// <summary>The curves of a run, which do not depend on what happened to it.</summary>
public sealed class CurveTests
{
    private const int Epochs = 4, StepsPerEpoch = 6;
    private static readonly string[] Recipe =
    [
        "--recipe", "demo", "--set", $"epochs={Epochs}", "--set", "data.trainSamples=44", "--set", "data.testSamples=11", "--set", "batch=8", "--set", "shards=3",
        "--set", "model.width=32",
    ];

    private static readonly string[] s_wallTimes = ["train_seconds", "test_seconds", "samples_per_s_per_gpu_median", "samples_per_s_whole_job", "max_mem_mb"];

    [Fact]
    public void A_run_killed_in_its_second_epoch_ends_with_the_table_and_the_TensorBoard_curves_of_an_undisturbed_one()
    {
        TestData.RequireLong();
        using RunFolder undisturbed = new(), disturbed = new();
        ClientProcess.RunJson(["train", .. Recipe, "--out", undisturbed.Path, "--workers", "2"]);
        // Checkpoints are in the middle of epochs.
        using (ClientProcess client = ClientProcess.Start(["train", .. Recipe, "--out", disturbed.Path, "--workers", "2", "--checkpoint-every", "4"]))
        {
            SpinWait.SpinUntil(() => client.HasExited || disturbed.Lines("events.jsonl").Any(line => line.GetProperty("step").GetInt64() > StepsPerEpoch));
            Assert.False(client.HasExited, "the run ended before it could be killed");
            client.Kill();
        }
        ClientProcess.RunJson("resume", "--out", disturbed.Path);

        Assert.Equal(Epochs, Table(undisturbed).Length);
        Assert.Equal(Table(undisturbed), Table(disturbed));
        foreach (string part in new[] { "train", "te" })
        {
            string[] files = Directory.GetFiles(Path.Combine(disturbed.Path, "tensorboard", part));
            Assert.True(files.Length > 1, "a resumed run adds an event file");
            Assert.All(files, file => Assert.Single(EventFile.Read(file), what => what.IsStart));
            Assert.Equal(Curves(undisturbed, part), Curves(disturbed, part));
            Assert.All(Curves(disturbed, part), curve => Assert.Equal(Epochs, curve.Points.Split(';').Length));
        }
    }

    /// <summary>The rows without the columns that depend on a clock.</summary>
    private static string[] Table(RunFolder run)
    {
        string[] names = EpochTable.Columns.Split(',');
        return [.. File.ReadLines(Path.Combine(run.Path, "epochs.csv")).Skip(1)
            .Select(row => string.Join(',', row.Split(',').Zip(names).Where(field => !s_wallTimes.Contains(field.Second)).Select(field => field.First)))];
    }

    private static (string Tag, string Points)[] Curves(RunFolder run, string part) =>
        [.. EventFile.Curves(Path.Combine(run.Path, "tensorboard", part)).Select(curve => (curve.Key, string.Join(';', curve.Value)))];
}
