using System.Text.Json;
using Spikeformer.Cluster.Silos;
using Spikeformer.Cluster.Training;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.TestKit.Servers;
using Xunit;

namespace Spikeformer.Cluster.Redis;

/// <summary>A cluster as operators run it: two control silos, two node silos with two workers each, Redis, and a CLI that knows only gateways.</summary>
public sealed class RedisTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_that_the_CLI_starts_trains_on_all_nodes_and_every_view_of_it_is_correct()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=5");
        File.WriteAllBytes(_folder["recipe.json"], RecipeWriter.ToCanonical(recipe));
        OracleRun oracle = Oracle.Train(recipe);
        using RedisServer redis = await RedisServer.StartAsync();
        using SiloProcess first = await StartAsync(redis, "control-1", "control"), second = await StartAsync(redis, "control-2", "control"),
            third = await StartAsync(redis, "node-1", "node"), fourth = await StartAsync(redis, "node-2", "node");
        string[] cluster = ["--cluster", $"{first.Endpoints.Gateway},{second.Endpoints.Gateway}"];
        string[] workers = ["node-1/0", "node-1/1", "node-2/0", "node-2/1"];
        await Eventually.HoldsAsync("four workers", () => Task.FromResult(
            ProgramProcess.Cli(["cluster", "status", .. cluster])[0].GetProperty("workers").GetArrayLength() == 4));

        ProgramProcess.Cli(["start", "--recipe", _folder["recipe.json"], "--name", "run", "--out", _folder["run"], "--workers", "4", .. cluster]);
        using ProgramProcess watch = ProgramProcess.StartCli(["watch", "run", "--json", .. cluster]);
        JsonElement status = default;
        await Eventually.HoldsAsync("a run under way", () =>
            Task.FromResult((status = ProgramProcess.Cli(["status", "run", .. cluster])[0]).GetProperty("step").GetInt64() > 0));
        JsonElement listed = ProgramProcess.Cli(["list", .. cluster])[0].GetProperty("runs")[0];

        JsonElement[] members = [.. status.GetProperty("members").EnumerateArray().OrderBy(member => member.GetProperty("firstShard").GetInt32())];
        Assert.Equal(workers, members.Select(member => member.GetProperty("worker").GetString()!).Order());
        Assert.Equal([(0, 2), (2, 4), (4, 6), (6, 8)], members.Select(member => (member.GetProperty("firstShard").GetInt32(), member.GetProperty("endShard").GetInt32())));
        Assert.Equal(oracle.Digests[status.GetProperty("step").GetInt32() - 1], status.GetProperty("digest").GetString());
        Assert.Equal(("run", 4), (listed.GetProperty("run").GetString(), listed.GetProperty("workers").GetInt32()));

        JsonElement[] news = watch.FinishJson();
        Assert.Equal(oracle.Digests, Of(news, "step").Select(step => step.GetProperty("digest").GetString()!));
        Assert.Equal(Enumerable.Range(1, oracle.Digests.Count), Of(news, "step").Select(step => step.GetProperty("step").GetInt32()));
        Assert.Equal(oracle.Evaluations.Select(one => one.Accuracy), Of(news, "epoch").Select(epoch => epoch.GetProperty("testAccuracy").GetDouble()));
        Assert.Equal("completed", Of(news, "end").Single().GetProperty("state").GetString());

        Assert.Equal("completed", ProgramProcess.Cli(["status", "run", .. cluster])[0].GetProperty("state").GetString());
        Assert.Equal("completed", ProgramProcess.Cli(["list", .. cluster])[0].GetProperty("runs")[0].GetProperty("state").GetString());
        JsonElement[] events = ProgramProcess.Cli(["events", "run", .. cluster]);
        Assert.Equal(Of(news, "event").Select(Sequence), events.Select(Sequence));
        Assert.Equal(["accepted", "generation", "started", "aligned", "completed"],
            events.Select(Kind).Where(kind => kind is "accepted" or "generation" or "started" or "aligned" or "completed").Distinct());
        Assert.DoesNotContain("sealed", events.Select(Kind));

        using ProgramProcess sharp = ProgramProcess.StartFSharp(
            ["--recipe", _folder["recipe.json"], "--name", "sharp", "--out", _folder["sharp"], "--workers", "4", .. cluster]);
        Assert.Contains($"step digest {oracle.Digests[^1]}", sharp.Finish());
        Assert.Equal(["run", "sharp"], ProgramProcess.Cli(["list", .. cluster])[0].GetProperty("runs").EnumerateArray().Select(run => run.GetProperty("run").GetString()!).Order());
    }

    [Fact]
    public async Task Training_continues_while_every_control_silo_is_dead()
    {
        TestData.RequireLong();
        Recipe recipe = ClusterRuns.Recipe("epochs=16");
        File.WriteAllBytes(_folder["recipe.json"], RecipeWriter.ToCanonical(recipe));
        OracleRun oracle = Oracle.Train(recipe);
        using RedisServer redis = await RedisServer.StartAsync();
        using SiloProcess node = await StartAsync(redis, "node-1", "node");
        using (SiloProcess first = await StartAsync(redis, "control-1", "control"), second = await StartAsync(redis, "control-2", "control"))
        {
            ProgramProcess.Cli("start", "--recipe", _folder["recipe.json"], "--name", "run", "--out", _folder["run"], "--workers", "2", "--cluster", first.Endpoints.Gateway);
            await Eventually.HoldsAsync("a run under way", () => Task.FromResult(Steps() >= 32));
            first.Kill();
            second.Kill();
        }
        // Lines reach the file in groups of 16, so that these steps began long after the coordinators had died.
        int then = Steps();
        await Eventually.HoldsAsync("steps without a coordinator", () => Task.FromResult(Steps() >= then + 80));

        using SiloProcess third = await StartAsync(redis, "control-3", "control");
        JsonElement[] news = ProgramProcess.Cli("watch", "run", "--cluster", third.Endpoints.Gateway);
        Assert.Equal("completed", Of(news, "end").Single().GetProperty("state").GetString());
        Assert.Equal(oracle.Digests, File.ReadLines(_folder["run/steps.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("digest").GetString()!));

        int Steps() => File.Exists(_folder["run/steps.jsonl"]) ? File.ReadLines(_folder["run/steps.jsonl"]).Count() : 0;
    }

    private Task<SiloProcess> StartAsync(RedisServer redis, string name, string roles) => SiloProcess.StartAsync(
        "--redis", redis.ConnectionString, "--name", name, "--roles", roles, "--state", _folder[name], "--devices", roles == "node" ? "cpu:2" : "none", "--orphan-grace", "0");

    private static IEnumerable<JsonElement> Of(IEnumerable<JsonElement> news, string type) => news.Where(one => one.GetProperty("type").GetString() == type);

    private static long Sequence(JsonElement what) => what.GetProperty("sequence").GetInt64();

    private static string Kind(JsonElement what) => what.GetProperty("kind").GetString()!;
}
