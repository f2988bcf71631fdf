using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Verbs;

public sealed class RunVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("train", "--recipe", "demo", "--min-workers", "0")]
    [InlineData("train", "--recipe", "demo", "--min-workers", "two")]
    [InlineData("start", "--recipe", "demo", "--min-workers", "-1")]
    [InlineData("resume", "run", "--min-workers", "0")]
    public async Task A_minimum_of_workers_that_is_no_positive_number_is_a_wrong_call(params string[] args)
    {
        Call call = await Call.Of(args);
        Assert.Equal((2, ""), (call.ExitCode, call.Output));
        Assert.Contains("--min-workers", call.Error);
    }

    [Theory]
    [InlineData("The recipe has 8 shards, too few for 9 workers", "--set", "shards=8", "--min-workers", "9")]
    [InlineData("it takes at most 2 workers and needs at least 3", "--set", "shards=8", "--workers", "2", "--min-workers", "3")]
    public async Task A_minimum_of_workers_that_no_run_can_have_is_refused_before_a_cluster_starts(string problem, params string[] options)
    {
        Call call = await Call.Of(["train", "--recipe", "demo", "--out", _folder["run"], .. options]);
        Assert.Equal((2, ""), (call.ExitCode, call.Output));
        Assert.Contains(problem, call.Error);
        Assert.False(Directory.Exists(_folder["run"]));
    }

    [Theory]
    [InlineData]
    [InlineData("a/0", "--wait", "--undo")]
    public async Task A_drain_needs_a_worker_and_either_waits_or_is_undone(params string[] options) =>
        Assert.Equal((2, ""), await Call.Of(["drain", .. options]) is var call ? (call.ExitCode, call.Output) : default);
}
