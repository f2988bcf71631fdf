using System.Text.Json;
using System.Text.RegularExpressions;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Contracts;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Training;

/// <summary>A worker that would compute other bits than the members of its run.</summary>
public sealed partial class LeftOutTests : IDisposable
{
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_worker_with_other_numerics_is_left_out_and_status_events_and_its_log_tell_why()
    {
        using SiloProcess silo = await _runs.StartAsync("a", workers: 1);
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        string[] option = ["--cluster", silo.Endpoints.Gateway];
        await cluster.StartAsync(_runs.Spec(ClusterRuns.EndlessRecipe(), "strict", workers: 2) with { StartGraceSeconds = 0 });
        await ClusterRuns.AwaitGenerationAsync(cluster, "strict", 1);
        using SiloProcess odd = await SiloProcess.StartAsync(new Dictionary<string, string> { ["MKL_CBWR"] = "COMPATIBLE" },
            "--state", _runs["cluster"], "--name", "odd", "--devices", "cpu:1", "--worker-logs", _runs["logs"], "--orphan-grace", "0");

        await Eventually.HoldsAsync("the worker is left out", async () => (await cluster.StatusAsync("strict")).Members.Any(member => member.LeftOut is not null));
        string? reason = ReasonOf("odd/0", option);
        Assert.Matches(Reason(), reason);
        using (ProgramProcess status = ProgramProcess.StartCli(["status", "strict", .. option]))
            Assert.Contains("odd/0 is left out: mkl is COMPATIBLE here", status.Finish());
        // Many reports later it has been told once.
        await ClusterRuns.AwaitStepAsync(cluster, "strict", (await cluster.StatusAsync("strict")).Step + 50);
        Assert.Equal(reason, ReasonOf("odd/0", option));
        JsonElement told = Assert.Single(ProgramProcess.Cli(["events", "strict", .. option]), line => line.GetProperty("kind").GetString() == "leftOut");
        Assert.Equal(("odd/0", $"Worker odd/0 is {reason}"), (told.GetProperty("worker").GetString(), told.GetProperty("message").GetString()));
        Assert.Equal($"Run strict: {reason}", Assert.Single(await cluster.LogAsync("odd/0", 100), line => line.Contains("left out")));

        await cluster.StopAsync("strict");
        RunStatus end = await cluster.WaitAsync("strict");
        Assert.Equal(RunState.Stopped, end.State);
        Assert.Equal([1], _runs.Generations("strict").Distinct());
        Assert.Equal([$"Worker odd/0 is {reason}"], _runs.Events("strict", "leftOut"));
    }

    private static string? ReasonOf(string worker, string[] option) =>
        ProgramProcess.Cli(["status", "strict", .. option])[0].GetProperty("members").EnumerateArray()
            .Where(member => member.GetProperty("worker").GetString() == worker && member.TryGetProperty("leftOut", out _))
            .Select(member => member.GetProperty("leftOut").GetString()).FirstOrDefault();

    [GeneratedRegex("^left out: mkl is COMPATIBLE here and [A-Z0-9_,]+ in the run; use processors of one kind, or the same limit on all silos$")]
    private static partial Regex Reason();
}
