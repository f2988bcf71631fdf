using System.Text.Json;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

/// <summary>A run that continues with changes.</summary>
public sealed class OverrideTests
{
    private static readonly string[] Begin =
    [
        "train", "--recipe", "demo", "--set", "epochs=1", "--set", "data.trainSamples=22", "--set", "data.testSamples=11", "--set", "batch=8", "--set", "shards=2",
        "--set", "model.width=32", "--set", "model.depth=1",
    ];

    [Fact]
    public void A_change_is_refused_until_it_is_allowed_by_name_and_begins_a_lineage()
    {
        TestData.RequireLong();
        using RunFolder folder = new();
        ClientProcess.RunJson([.. Begin, "--out", folder.Path]);
        string[] change = ["resume", "--out", folder.Path, "--set", "epochs=2", "--set", "schedule.0.until=2"];

        (int exitCode, _, string error) = ClientProcess.Run(change);
        Assert.True(exitCode == 4, error);
        Assert.Contains("epochs is 2 instead of 1", error);
        (exitCode, _, error) = ClientProcess.Run([.. change, "--override", "epochs"]);
        Assert.True(exitCode == 4, error);
        Assert.DoesNotContain("epochs is", error);
        Assert.Contains("--override schedule.0.until", error);
        Assert.Equal(3, folder.Digests().Count);

        JsonElement end = ClientProcess.RunJson([.. change, "--override", "epochs,schedule"]);
        Assert.Equal("completed", end.GetProperty("state").GetString());
        Assert.Equal(6, folder.Digests().Count);
        JsonElement lineage = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder.Path, "run.json"))).RootElement.GetProperty("lineages").EnumerateArray().Single();
        Assert.Equal((1, 3), (lineage.GetProperty("number").GetInt32(), lineage.GetProperty("start").GetInt32()));
        Assert.Equal(["epochs", "schedule.0.until"], lineage.GetProperty("changes").EnumerateArray().Select(one => one.GetProperty("name").GetString()));
        Assert.Contains(folder.Lines("events.jsonl"), line => line.GetProperty("kind").GetString() == "lineage");
        Assert.True(Directory.Exists(Path.Combine(folder.Path, "checkpoints", "step-6-lineage-1")));

        // The run resumes with its changes.
        Assert.Equal(end.GetProperty("weightsDigest").GetString(), ClientProcess.RunJson("resume", "--out", folder.Path).GetProperty("weightsDigest").GetString());
        Assert.Equal(6, folder.Digests().Count);
    }
}
