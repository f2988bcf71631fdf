using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Spikeformer.Client.Tests.Cli.Sources;

/// <summary>A local web server that serves one file, one request per connection, and can fail on demand.</summary>
internal sealed class FileServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly byte[] _content;
    private readonly Task _serving;

    public FileServer(byte[] content)
    {
        _content = content;
        _listener.Start();
        Url = new($"http://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}/file.zip");
        _serving = ServeAsync();
    }

    public Uri Url { get; }

    /// <summary>Whether the server honors ranges.</summary>
    public bool KnowsRanges { get; init; } = true;

    /// <summary>The failure of each request in turn: the number of bytes after which the connection ends, or the negated status of the answer. Later
    /// requests succeed.</summary>
    public List<int> Trouble { get; } = [];

    /// <summary>The first byte that each request asked for; null without a range.</summary>
    public List<int?> Ranges { get; } = [];

    public void Dispose()
    {
        _end.Cancel();
        _serving.GetAwaiter().GetResult();
        _listener.Stop();
        _end.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using TcpClient client = await _listener.AcceptTcpClientAsync(_end.Token);
                await AnswerAsync(client);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task AnswerAsync(TcpClient client)
    {
        NetworkStream stream = client.GetStream();
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        int? from = null;
        while (await reader.ReadLineAsync() is { Length: > 0 } line)
            if (line.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase))
                from = int.Parse(line["Range: bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
        Ranges.Add(from);
        int? trouble = Trouble.Count > 0 ? Trouble[0] : null;
        if (trouble is not null) Trouble.RemoveAt(0);

        int start = KnowsRanges ? from ?? 0 : 0;
        (int status, string range) = trouble < 0 ? (-trouble.Value, "")
            : start == 0 ? (200, "")
            : start >= _content.Length ? (416, "")
            : (206, $"Content-Range: bytes {start}-{_content.Length - 1}/{_content.Length}\r\n");
        ReadOnlyMemory<byte> body = status < 300 ? _content.AsMemory(start) : default;
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {status} Status\r\n{range}Content-Length: {body.Length}\r\nConnection: close\r\n\r\n"));
        await stream.WriteAsync(trouble >= 0 ? body[..trouble.Value] : body);
        // An end, not a reset, so that all sent bytes arrive.
        client.Client.Shutdown(SocketShutdown.Send);
    }
}
