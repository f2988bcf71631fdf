using System.Net;
using Amazon.S3.Model;
using Spikeformer.Files;

namespace Spikeformer.ObjectStore;

/// <summary>Reads an object from front to back, a part at a time. A lost connection costs at most one part, and at most one part is in memory. All parts
/// are of the version that was opened.</summary>
internal sealed class S3ReadStream : Stream
{
    private readonly S3Calls _calls;
    private readonly string _key;
    private readonly byte[] _part;
    private long _position;
    private int _used, _filled;

    /// <summary>Opens an object.</summary>
    /// <exception cref="FileNotFoundException">The object does not exist.</exception>
    /// <exception cref="StorageException">The store refuses or does not answer.</exception>
    public S3ReadStream(S3Calls calls, string key)
    {
        (_calls, _key) = (calls, key);
        try
        {
            GetObjectMetadataResponse head = calls.Do((s3, cancellation) => s3.GetObjectMetadataAsync(calls.Address.Bucket, key, cancellation));
            (Version, Length) = (head.ETag, head.ContentLength);
        }
        catch (StorageException error) when (S3Errors.IsMissing(error))
        {
            throw new FileNotFoundException($"there is no object {key} in {calls.Address.Bucket}", key, error);
        }
        _part = new byte[Math.Min(Length, calls.PartBytes)];
    }

    /// <summary>The object's entity tag.</summary>
    public string Version { get; }

    public override bool CanRead => true;
    public override bool CanWrite => false;
    public override bool CanSeek => false;
    public override long Length { get; }
    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        if (_used == _filled && !Fill()) return 0;
        int count = Math.Min(buffer.Length, _filled - _used);
        _part.AsSpan(_used, count).CopyTo(buffer);
        (_used, _position) = (_used + count, _position + count);
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    private bool Fill()
    {
        (_used, _filled) = (0, 0);
        int count = (int)Math.Min(_part.Length, Length - _position);
        if (count == 0) return false;
        var request = new GetObjectRequest
        {
            BucketName = _calls.Address.Bucket, Key = _key, EtagToMatch = Version, ByteRange = new ByteRange(_position, _position + count - 1),
        };
        try
        {
            _filled = _calls.Do(async (s3, cancellation) =>
            {
                using GetObjectResponse answer = await s3.GetObjectAsync(request, cancellation).ConfigureAwait(false);
                await answer.ResponseStream.ReadExactlyAsync(_part.AsMemory(0, count), cancellation).ConfigureAwait(false);
                return count;
            });
        }
        catch (StorageException error) when (S3Errors.IsMissing(error) || S3Errors.StatusOf(error) is HttpStatusCode.PreconditionFailed)
        {
            throw new IOException($"the object {_key} was replaced or removed while it was read", error);
        }
        return true;
    }
}
