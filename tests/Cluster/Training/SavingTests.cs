using System.Globalization;
using System.Text.RegularExpressions;
using Spikeformer.Checkpoints;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.Recipes;
using Spikeformer.Silo.Worker.Saving;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>Workers with a shared storage write checkpoints together. If a worker is lost during a save, there is still a valid checkpoint, and no bit
/// changes.</summary>
public sealed partial class SavingTests : IDisposable
{
    private const int StepsPerEpoch = 22;
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    /// <summary>Places where writers die.</summary>
    public static TheoryData<string> Places => TestData.IsExhaustive ? ["gathered", "share"] : ["gathered"];

    // Any worker may be the lead.
    private static string Everywhere(string place, string failure, int workers) =>
        string.Join(',', Enumerable.Range(0, workers).Select(slot => $"a/{slot}:{place}@*={failure}"));

    [Fact]
    public async Task Workers_that_share_a_storage_write_checkpoints_together()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=5");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 2);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        RunStatus end = await _runs.TrainAsync(cluster, recipe, "together", 2);

        _runs.AssertSame(oracle, end);
        Assert.Contains(_runs.Events("together", "checkpoint"), message => TogetherPattern().IsMatch(message));
        await AssertSoundAsync(recipe, "together");
    }

    /// <summary>The lead dies when all slices are written, or another writer before its first slice. Each worker dies once, one after the other.</summary>
    [Theory]
    [MemberData(nameof(Places))]
    public async Task A_death_during_a_save_abandons_it_and_the_next_boundary_saves_instead(string place)
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=9");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3, failPoints: Everywhere(place, "kill", 3));
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        RunStatus end = await _runs.TrainAsync(cluster, recipe, "dying", 3);

        _runs.AssertSame(oracle, end);
        Assert.True(_runs.Generations("dying")[^1] > 1, "nobody died");
        Assert.Contains(_runs.Events("dying", "checkpoint"), message => SavedStep(message) % StepsPerEpoch != 0);
        await AssertSoundAsync(recipe, "dying");
    }

    [Fact]
    public async Task A_writer_that_freezes_during_a_save_changes_nothing_when_it_wakes()
    {
        TestData.RequireExhaustive();
        Recipe recipe = ClusterRuns.Recipe("epochs=14");
        OracleRun oracle = Oracle.Train(recipe);
        using SiloProcess silo = await _runs.StartAsync("a", workers: 2, failPoints: Everywhere("share", "stop", 2));
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "frozen", workers: 2));
        await ClusterRuns.AwaitGenerationAsync(cluster, "frozen", 2);
        foreach (string worker in (string[])["a/0", "a/1"]) await WorkerSignals.SendAsync(cluster, worker, WorkerSignals.Continue);
        RunStatus end = await cluster.WaitAsync("frozen");

        _runs.AssertSame(oracle, end);
        string abandoned = Assert.Single(_runs.Events("frozen", "checkpointAbandoned"));
        long step = long.Parse(AbandonedPattern().Match(abandoned).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        Assert.Contains(_runs.Events("frozen", "checkpoint"), message => SavedStep(message) == step + 1);
        await AssertSoundAsync(recipe, "frozen");
    }

    [Fact]
    public async Task Only_a_worker_that_sees_the_leads_storage_takes_part()
    {
        using var folder = new TemporaryFolder();
        var generation = new GenerationId(3, "n3");
        var proof = new StorageProof(new LocalCheckpointFiles(folder["shared"]));
        using var same = new StorageCheck(new LocalCheckpointFiles(folder["shared"]), generation);
        using var other = new StorageCheck(new LocalCheckpointFiles(folder["other"]), generation);
        using var former = new StorageCheck(new LocalCheckpointFiles(folder["shared"]), new(2, "n2"));
        Assert.False(same.IsShared);
        proof.Write(generation);
        await Eventually.HoldsAsync("the proof is seen", () => same.IsShared);
        Assert.False(other.IsShared);
        Assert.False(former.IsShared);
    }

    /// <summary>Asserts that every byte of every checkpoint is correct.</summary>
    private async Task AssertSoundAsync(Recipe recipe, string run)
    {
        var store = new CheckpointStore(Path.Combine(_runs.Spec(recipe, run, 1).OutDirectory, "checkpoints"));
        IReadOnlyList<CheckpointEntry> entries = store.List();
        // The last two and the best.
        Assert.InRange(entries.Count, 2, 3);
        Assert.All(entries, entry => Assert.Empty(store.Verify(entry.Id.Step)));
        // The run ends with the lead's report. The lead releases the directory a little later.
        await Eventually.HoldsAsync("removal of the last lead's proof", () => Directory.GetDirectories(store.Location, "shared-*").Length == 0);
    }

    private static long SavedStep(string message) => long.Parse(SavedPattern().Match(message).Groups[1].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex("^Saved step-([0-9]+)")]
    private static partial Regex SavedPattern();

    [GeneratedRegex("^Saved step-[0-9]+, written by a/[01], a/[01]$")]
    private static partial Regex TogetherPattern();

    [GeneratedRegex("^The checkpoint of step ([0-9]+) was abandoned \\(earlier ones are untouched\\): it was called off before a/[01] had finished writing")]
    private static partial Regex AbandonedPattern();
}
