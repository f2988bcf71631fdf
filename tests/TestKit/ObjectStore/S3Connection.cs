using System.Collections.Specialized;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Spikeformer.TestKit.ObjectStore;

/// <summary>An HTTP/1.1 connection of <see cref="LocalS3"/>: requests with a Content-Length, one after another. Written by hand, because no server
/// of the framework can drop a connection at a chosen moment.</summary>
internal sealed class S3Connection(Socket socket) : IDisposable
{
    private readonly NetworkStream _stream = new(socket, ownsSocket: true);
    private readonly byte[] _buffer = new byte[1 << 16];
    private int _used, _filled;

    /// <summary>Reads the next request. Returns null if the client has closed the connection.</summary>
    public S3Request? Read()
    {
        if (ReadLine() is not { Length: > 0 } first) return null;
        string[] words = first.Split(' ');
        var headers = new NameValueCollection();
        while (ReadLine() is { Length: > 0 } line)
        {
            string[] header = line.Split(':', 2);
            headers.Add(header[0], header[1].Trim());
        }
        if (headers["Expect"] is not null) _stream.Write("HTTP/1.1 100 Continue\r\n\r\n"u8);
        var body = new byte[int.Parse(headers["Content-Length"] ?? "0", CultureInfo.InvariantCulture)];
        int buffered = Math.Min(body.Length, _filled - _used);
        _buffer.AsSpan(_used, buffered).CopyTo(body);
        _used += buffered;
        _stream.ReadExactly(body, buffered, body.Length - buffered);
        return new(words[0], words[1], headers, body);
    }

    /// <summary>Sends an answer.</summary>
    /// <param name="status">The status.</param>
    /// <param name="headers">The headers.</param>
    /// <param name="body">The body.</param>
    /// <param name="isWithoutBody">Whether to send only the length of the body.</param>
    /// <param name="isHalf">Whether to send only half of the body, or half of the head if there is no body.</param>
    public void Write(int status, IEnumerable<(string Name, string Value)> headers, byte[] body, bool isWithoutBody, bool isHalf)
    {
        string head = $"HTTP/1.1 {status} -\r\n{string.Concat(headers.Select(header => $"{header.Name}: {header.Value}\r\n"))}"
            + (status == 204 ? "\r\n" : $"Content-Length: {body.Length}\r\n\r\n");
        byte[] answer = [.. Encoding.ASCII.GetBytes(head), .. isWithoutBody ? [] : body];
        int sent = !isHalf ? answer.Length : answer.Length > head.Length ? head.Length + body.Length / 2 : head.Length / 2;
        _stream.Write(answer, 0, sent);
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private string? ReadLine()
    {
        var line = new StringBuilder();
        while (true)
        {
            if (_used == _filled)
            {
                (_used, _filled) = (0, _stream.Read(_buffer));
                if (_filled == 0) return null;
            }
            char next = (char)_buffer[_used++];
            if (next == '\n') return line.ToString().TrimEnd('\r');
            line.Append(next);
        }
    }
}
