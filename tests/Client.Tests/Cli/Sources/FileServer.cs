using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Spikeformer.Client.Tests.Cli.Sources;

/// <summary>A web server on this machine that serves one content, one request a connection, and can misbehave.</summary>
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

    /// <summary>False answers as a server that knows no ranges.</summary>
    public bool KnowsRanges { get; init; } = true;

    /// <summary>What to do with each request in turn: end the connection after so many bytes of the body, or, if negative, answer with this
    /// status. Afterwards all goes well.</summary>
    public List<int> Trouble { get; } = [];

    /// <summary>Where each request wanted to begin; null = no range was asked for.</summary>
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
        // An end, not a reset: all that was sent arrives.
        client.Client.Shutdown(SocketShutdown.Send);
    }
}
