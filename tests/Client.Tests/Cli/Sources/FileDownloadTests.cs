using System.Security.Cryptography;
using Spikeformer.Cli.Sources;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Sources;

public sealed class FileDownloadTests : IDisposable
{
    private static readonly byte[] Content = MadeUp(300_000);
    private static readonly string Sum = Convert.ToHexStringLower(MD5.HashData(Content));

    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new();
    private readonly List<string> _said = [];

    private string File => _folder["file.zip"];

    public void Dispose()
    {
        _http.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_file_arrives_whole_and_is_not_fetched_again()
    {
        using var server = new FileServer(Content);
        await Get(server);
        await Get(server);
        Assert.Equal(Content, System.IO.File.ReadAllBytes(File));
        Assert.Equal([(int?)null], server.Ranges);
        Assert.Equal([File], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task A_broken_download_continues_where_it_ended()
    {
        using var server = new FileServer(Content) { Trouble = { 100_000, 1, 50_000 } };
        await Get(server);
        Assert.Equal(Content, System.IO.File.ReadAllBytes(File));
        Assert.Equal([null, 100_000, 100_001, 150_001], server.Ranges);
    }

    [Fact]
    public async Task The_part_of_an_earlier_process_is_used()
    {
        using var server = new FileServer(Content);
        System.IO.File.WriteAllBytes($"{File}.part", Content[..123_456]);
        await Get(server);
        Assert.Equal([123_456], server.Ranges);
        Assert.Equal(Content, System.IO.File.ReadAllBytes(File));
    }

    [Fact]
    public async Task A_complete_part_becomes_the_file()
    {
        using var server = new FileServer(Content);
        System.IO.File.WriteAllBytes($"{File}.part", Content);
        await Get(server);
        Assert.Equal(Content, System.IO.File.ReadAllBytes(File));
    }

    [Fact]
    public async Task A_server_without_ranges_starts_over()
    {
        using var server = new FileServer(Content) { KnowsRanges = false };
        System.IO.File.WriteAllBytes($"{File}.part", MadeUp(1000));
        await Get(server);
        Assert.Equal(Content, System.IO.File.ReadAllBytes(File));
        Assert.Contains(_said, said => said.EndsWith("starting over"));
    }

    [Fact]
    public async Task A_busy_server_is_asked_again_and_a_refusal_is_final()
    {
        using var server = new FileServer(Content) { Trouble = { -503, -429 } };
        await Get(server);
        Assert.Equal(3, server.Ranges.Count);
        using var refusing = new FileServer(Content) { Trouble = { -404 } };
        System.IO.File.Delete(File);
        SpikeformerException error = await Assert.ThrowsAsync<SpikeformerException>(() => Get(refusing));
        Assert.Contains("the server answers 404", error.Message);
        Assert.Single(refusing.Ranges);
    }

    [Fact]
    public async Task After_five_attempts_the_download_fails_and_keeps_its_part()
    {
        using var server = new FileServer(Content) { Trouble = { 1000, -500, -500, -500, -500 } };
        SpikeformerException error = await Assert.ThrowsAsync<SpikeformerException>(() => Get(server));
        Assert.Contains("it continues where it stopped", error.Message);
        Assert.Equal((5, 1000L), (server.Ranges.Count, new FileInfo($"{File}.part").Length));
        await Get(server);
        Assert.Equal(Content, System.IO.File.ReadAllBytes(File));
    }

    [Fact]
    public async Task Wrong_content_is_refused_and_leaves_no_file()
    {
        using var server = new FileServer(MadeUp(999));
        SpikeformerException error = await Assert.ThrowsAsync<SpikeformerException>(() => Get(server));
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.Contains(Sum, error.Message);
        Assert.Empty(Directory.GetFiles(_folder.Path));

        System.IO.File.WriteAllBytes(File, [1]);
        error = await Assert.ThrowsAsync<SpikeformerException>(() => Get(server));
        Assert.Contains("Remove it", error.Message);
        Assert.Equal([1], System.IO.File.ReadAllBytes(File));
    }

    private Task Get(FileServer server) => new FileDownload(_http, TimeProvider.System, _said.Add) { Pause = TimeSpan.Zero }
        .GetAsync(server.Url, File, Sum, TestContext.Current.CancellationToken);

    private static byte[] MadeUp(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
