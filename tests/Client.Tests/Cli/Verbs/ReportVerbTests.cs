using Xunit;

namespace Spikeformer.Client.Tests.Cli.Verbs;

public sealed class ReportVerbTests
{
    [Fact]
    public async Task A_page_shows_accuracy_events_and_recipe_and_needs_no_other_file()
    {
        using var run = new CurveFolder(epochs: 4);
        File.WriteAllText(run["events.jsonl"],
            """
            {"time":"2026-01-01T00:00:00Z","kind":"sealed","step":7,"message":"worker <b> was lost"}
            {"time":"2026-01-01T00:00:01Z","kind":"checkpoint","step":8,"message":"Saved step-8"}
            {"time":"2026-01-01T00:00
            """);
        Call call = await Call.Of("report", "--out", run.Path);
        Assert.Equal((0, ""), (call.ExitCode, call.Error));
        string page = File.ReadAllText(run["report.html"]);
        Assert.Contains("45.00 %, best 60.00 % in epoch 2", page);
        Assert.Contains("<td>sealed</td><td>worker &lt;b&gt; was lost</td>", page);
        Assert.DoesNotContain("Saved step-8", page);
        Assert.Contains("src=\"data:image/png;base64,", page);
        Assert.Contains("&quot;shards&quot;: 4", page);
        foreach (string outside in new[] { "http:", "https:", "<script", "<link" }) Assert.DoesNotContain(outside, page);
    }

    [Fact]
    public async Task A_run_without_an_epoch_has_no_report()
    {
        using var run = new CurveFolder(epochs: 0);
        Assert.Equal((int)ErrorKind.NotFound, (await Call.Of("report", "--out", run.Path)).ExitCode);
    }
}
