using System.Text.Json;
using Spikeformer.Client.Tests.Cli;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

public sealed class NameTests : IDisposable
{
    private static readonly string s_longest = new('n', 64);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_longest_name_of_a_recipe_is_good_for_its_run_and_one_more_character_for_neither()
    {
        string[] small = ["--set", "epochs=1", "--set", "data.trainSamples=22", "--set", "data.testSamples=11", "--set", "data.canvas=[16,16]", "--set", "model.width=32"];
        Assert.Equal(0, (await Call.Of("recipe", "validate", "demo", "--set", $"name={s_longest}")).ExitCode);
        Call tooLong = await Call.Of("recipe", "validate", "demo", "--set", $"name={s_longest}n");
        Assert.Equal((int)ErrorKind.CheckFailed, tooLong.ExitCode);
        Assert.Contains("must be 1 to 64 letters", tooLong.Output);

        JsonElement trained = ClientProcess.RunJson(["train", "--recipe", "demo", "--set", $"name={s_longest}", .. small, "--out", _folder["train"], "--workers", "1"]);
        Assert.Equal((s_longest, "completed"), (trained.GetProperty("run").GetString(), trained.GetProperty("state").GetString()));

        Environment.SetEnvironmentVariable(EmbeddedCluster.ProgramVariable, TestData.Program("src/Silo", "spikeformer-silo.dll"));
        await using EmbeddedCluster cluster = await EmbeddedCluster.StartAsync(_folder["cluster"], workers: 1, TestContext.Current.CancellationToken);
        string[] start = ["start", "--recipe", "demo", .. small, "--out", _folder["start"], "--cluster", cluster.Endpoints.Gateway, "--json", "--name"];
        Call refused = await Call.Of([.. start, $"{s_longest}n"]);
        Assert.Equal(((int)ErrorKind.Usage, ""), (refused.ExitCode, refused.Output));
        JsonElement error = JsonDocument.Parse(refused.Error).RootElement.GetProperty("error");
        Assert.Equal(("usage", $"'{s_longest}n' is not a valid name for a run"), (error.GetProperty("kind").GetString(), error.GetProperty("problem").GetString()));
        Assert.StartsWith("Use 1 to 64 letters", error.GetProperty("remedy").GetString());
        Call started = await Call.Of([.. start, s_longest]);
        Assert.Equal((0, s_longest), (started.ExitCode, started.Json["run"]!.GetValue<string>()));
        Assert.Equal(0, (await Call.Of("cancel", s_longest, "--wait", "--cluster", cluster.Endpoints.Gateway)).ExitCode);
    }
}
