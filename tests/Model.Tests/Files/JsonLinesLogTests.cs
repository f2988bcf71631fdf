using System.Text;
using Spikeformer.Files;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Files;

public sealed class JsonLinesLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public JsonLinesLogTests() => _path = _folder["steps.jsonl"];

    public void Dispose() => _folder.Dispose();

    private JsonLinesLog Open(long? throughStep = null) =>
        JsonLinesLog.Open(_path, warning => Assert.Fail(warning), throughStep);

    private string Reopened(string content, long? throughStep = null)
    {
        File.WriteAllText(_path, content);
        Open(throughStep).Dispose();
        return File.ReadAllText(_path);
    }

    [Fact]
    public void Each_object_becomes_one_line_at_once()
    {
        using var log = Open();
        log.Append(new { Step = 1, Loss = double.NaN, Text = "a\nb", Kind = ErrorKind.NotFound });
        log.Append(new { Step = 2L });
        Assert.Equal("{\"step\":1,\"loss\":\"NaN\",\"text\":\"a\\nb\",\"kind\":\"notFound\"}\n{\"step\":2}\n", File.ReadAllText(_path));
        Assert.Throws<ArgumentException>(() => log.Append(5));
    }

    [Fact]
    public void A_reopened_log_continues_at_its_end()
    {
        using (var log = Open()) log.Append(new { Step = 1 });
        using (var log = Open()) log.Append(new { Step = 2 });
        Assert.Equal("{\"step\":1}\n{\"step\":2}\n", File.ReadAllText(_path));
    }

    [Theory]
    [InlineData("{\"step\":1}\n{\"step\":2}\n{\"st", "{\"step\":1}\n{\"step\":2}\n")]
    [InlineData("{\"step\":1}\n{\"step\":2}", "{\"step\":1}\n")]
    [InlineData("{\"step\":1}\n\0\0\0\0\n\0\0", "{\"step\":1}\n")]
    [InlineData("{\"st", "")]
    [InlineData("{\"step\":1}\ndamaged\n{\"step\":2}\n", "{\"step\":1}\ndamaged\n{\"step\":2}\n")]
    [InlineData("{\"step\":1}\n[2]\n", "{\"step\":1}\n")]
    public void Opening_removes_incomplete_lines_at_the_end(string content, string expected) => Assert.Equal(expected, Reopened(content));

    [Theory]
    [InlineData(2, "{\"step\":1}\n{\"a\":{\"step\":9},\"step\":2}\n{\"event\":\"saved\"}\n")]
    [InlineData(0, "")]
    [InlineData(3, "{\"step\":1}\n{\"a\":{\"step\":9},\"step\":2}\n{\"event\":\"saved\"}\n{\"step\":3}\n")]
    public void Steps_after_the_checkpoint_are_removed_when_a_run_resumes(long through, string expected) =>
        Assert.Equal(expected, Reopened("{\"step\":1}\n{\"a\":{\"step\":9},\"step\":2}\n{\"event\":\"saved\"}\n{\"step\":3}\n", through));

    [Fact]
    public void Long_files_are_cut_at_the_right_byte()
    {
        var text = new StringBuilder();
        for (int step = 1; step <= 20_000; step++) text.Append($"{{\"step\":{step},\"digest\":\"{step:x16}\"}}\n");
        string all = text.ToString();
        int cut = all.IndexOf("{\"step\":15001,", StringComparison.Ordinal);
        Assert.Equal(all[..cut], Reopened(all, throughStep: 15_000));
        Assert.Equal(all, Reopened(all + "{\"step\":20001"));
        Assert.Equal(all, Reopened(all + new string('\0', 9 << 20)));
    }

    [Fact]
    public void A_disk_that_always_fails_costs_limited_memory_and_reports_lost_lines()
    {
        var warnings = new List<string>();
        // Every write to this device fails because it is full. The log opens it through a link.
        File.CreateSymbolicLink(_path, "/dev/full");
        using (var log = JsonLinesLog.Open(_path, warnings.Add))
        {
            string text = new('x', 100_000);
            for (int step = 0; step < 100; step++) log.Append(new { step, text });
            Assert.Contains("the disk is full", Assert.Single(warnings));
            Assert.InRange(log.LostLines, 100 - JsonLinesLog.MaxWaitingBytes / 100_000, 99);
        }
        Assert.Contains("that could not be written", warnings[1]);
    }

    [Fact]
    public void A_log_that_cannot_be_opened_is_an_error_with_its_path()
    {
        Directory.CreateDirectory(_path);
        Assert.Contains(_path, Assert.Throws<SpikeformerException>(() => Open()).Message);
    }
}
