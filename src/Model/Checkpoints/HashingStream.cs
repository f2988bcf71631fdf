using System.Security.Cryptography;

namespace Spikeformer.Checkpoints;

/// <summary>Reads or writes another stream from start to end and computes the SHA-256 of its bytes. Disposing it also disposes a stream that it
/// reads, but not one that it writes.</summary>
internal sealed class HashingStream(Stream inner) : Stream
{
    private const int Chunk = 1 << 20;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _position;

    public override bool CanRead => inner.CanRead;
    public override bool CanWrite => inner.CanWrite;
    public override bool CanSeek => false;
    public override long Length => inner.Length;
    public override long Position { get => _position; set => throw new NotSupportedException(); }

    /// <summary>Lower-case hexadecimal SHA-256 of all bytes so far.</summary>
    public string Hash => Convert.ToHexStringLower(_hash.GetCurrentHash());

    /// <summary>Reads the rest of the stream.</summary>
    public void Drain()
    {
        var buffer = new byte[Math.Min(Chunk, Math.Max(1, Length - _position))];
        while (Read(buffer) > 0) { }
    }

    public override int Read(Span<byte> buffer)
    {
        int read = inner.Read(buffer[..Math.Min(buffer.Length, Chunk)]);
        _hash.AppendData(buffer[..read]);
        _position += read;
        return read;
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        // In chunks, so that a chunk is still in the processor's cache when it is written.
        for (; buffer.Length > 0; buffer = buffer[Math.Min(buffer.Length, Chunk)..])
        {
            var chunk = buffer[..Math.Min(buffer.Length, Chunk)];
            _hash.AppendData(chunk);
            inner.Write(chunk);
            _position += chunk.Length;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    public override void Flush() => inner.Flush();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _hash.Dispose();
            if (inner.CanRead) inner.Dispose();
        }
        base.Dispose(disposing);
    }
}
