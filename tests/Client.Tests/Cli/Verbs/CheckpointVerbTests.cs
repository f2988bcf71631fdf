using System.Text.Json.Nodes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Verbs;

public sealed class CheckpointVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _run;

    public CheckpointVerbTests() => _run = EarlierRun.CopyTo(_folder["run"]).Path;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_pinned_checkpoint_is_marked_until_it_is_unpinned()
    {
        Assert.False(await IsPinned());
        JsonNode pinned = (await Call.Of("checkpoint", "pin", "--out", _run, "--step", $"{EarlierRun.Step}", "--json")).Json;
        Assert.Equal((EarlierRun.Step, true), ((long)pinned["step"]!, (bool)pinned["isPinned"]!));
        Assert.True(await IsPinned());
        Call unpinned = await Call.Of("checkpoint", "unpin", "--out", _run, "--step", $"{EarlierRun.Step}");
        Assert.Equal((0, $"step-{EarlierRun.Step} is not pinned.\n", ""), (unpinned.ExitCode, unpinned.Output, unpinned.Error));
        Assert.False(await IsPinned());
    }

    [Theory]
    [InlineData("pin")]
    [InlineData("unpin")]
    public async Task A_step_without_a_checkpoint_is_not_found_and_the_others_are_named(string verb)
    {
        Call call = await Call.Of("checkpoint", verb, "--out", _run, "--step", "5");
        Assert.Equal((3, ""), (call.ExitCode, call.Output));
        Assert.Contains($"step-{EarlierRun.Step}", call.Error);
    }

    [Theory]
    [InlineData("pin")]
    [InlineData("unpin")]
    public async Task A_step_must_be_named(string verb)
    {
        Call call = await Call.Of("checkpoint", verb, "--out", _run);
        Assert.Equal((2, ""), (call.ExitCode, call.Output));
        Assert.Contains("--step", call.Error);
    }

    private async Task<bool> IsPinned() => (bool)(await Call.Of("checkpoint", "list", "--out", _run, "--json")).Json["checkpoints"]![0]!["isPinned"]!;
}
