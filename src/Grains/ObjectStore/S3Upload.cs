using System.Security.Cryptography;
using Amazon.S3;
using Amazon.S3.Model;
using Spikeformer.Checkpoints;
using Spikeformer.Files;

namespace Spikeformer.ObjectStore;

/// <summary>Sends an object's bytes from front to back: in one request up to the size of a part, otherwise in several parts, which become an object only
/// when it is complete. Each request carries the SHA-256 of its bytes.</summary>
internal sealed class S3Upload(S3Calls calls, string key) : Stream
{
    // Identifies this upload's object when the answer to the last request was lost.
    private const string NonceHeader = "x-amz-meta-upload";
    private readonly string _nonce = Guid.NewGuid().ToString("N");
    private readonly MemoryStream _part = new();
    private readonly List<PartETag> _parts = [];
    private string? _upload;
    private long _position;

    public override bool CanRead => false;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => _position;
    public override long Position { get => _position; set => throw new NotSupportedException(); }

    private string Bucket => calls.Address.Bucket;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _position += buffer.Length;
        while (buffer.Length > 0)
        {
            if (_part.Length == calls.PartBytes) SendPart();
            int count = Math.Min(buffer.Length, calls.PartBytes - (int)_part.Length);
            _part.Write(buffer[..count]);
            buffer = buffer[count..];
        }
    }

    /// <summary>Sends the rest and creates the object.</summary>
    /// <exception cref="StorageException">The store refuses or does not answer.</exception>
    public void Complete()
    {
        if (_upload is null)
        {
            string hash = Hash();
            calls.Do((s3, cancellation) => s3.PutObjectAsync(new()
            {
                BucketName = Bucket, Key = key, InputStream = Content(), ChecksumSHA256 = hash, UseChunkEncoding = false, DisablePayloadSigning = false,
            }, cancellation));
            return;
        }
        SendPart();
        try
        {
            calls.Do((s3, cancellation) => s3.CompleteMultipartUploadAsync(
                new() { BucketName = Bucket, Key = key, UploadId = _upload, PartETags = [.. _parts] }, cancellation));
        }
        catch (StorageException error) when (S3Errors.IsMissing(error))
        {
            // An earlier attempt succeeded and its answer was lost, or another process aborted the upload.
            GetObjectMetadataResponse head = calls.Do((s3, cancellation) => s3.GetObjectMetadataAsync(Bucket, key, cancellation));
            if (head.Metadata[NonceHeader] != _nonce) throw;
        }
        _upload = null;
    }

    /// <summary>Discards the parts that were sent. If this fails, <see cref="ICheckpointFiles.DeleteLeftovers"/> does it later.</summary>
    public void Abort()
    {
        if (_upload is not { } upload) return;
        _upload = null;
        try
        {
            calls.Do((s3, cancellation) => s3.AbortMultipartUploadAsync(Bucket, key, upload, cancellation));
        }
        catch (StorageException)
        {
            // The error that stopped the upload matters more.
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    public override void Flush() { }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) _part.Dispose();
        base.Dispose(disposing);
    }

    private void SendPart()
    {
        _upload ??= Begin();
        (int number, string hash) = (_parts.Count + 1, Hash());
        UploadPartResponse answer = calls.Do((s3, cancellation) => s3.UploadPartAsync(new()
        {
            BucketName = Bucket, Key = key, UploadId = _upload, PartNumber = number, PartSize = _part.Length, InputStream = Content(),
            ChecksumSHA256 = hash, UseChunkEncoding = false, DisablePayloadSigning = false,
        }, cancellation));
        _parts.Add(new PartETag(number, answer.ETag) { ChecksumSHA256 = hash });
        _part.SetLength(0);
    }

    private string Begin()
    {
        var request = new InitiateMultipartUploadRequest { BucketName = Bucket, Key = key, ChecksumAlgorithm = ChecksumAlgorithm.SHA256 };
        request.Metadata[NonceHeader] = _nonce;
        return calls.Do((s3, cancellation) => s3.InitiateMultipartUploadAsync(request, cancellation)).UploadId;
    }

    private MemoryStream Content() => new(_part.GetBuffer(), 0, (int)_part.Length, writable: false);

    private string Hash() => Convert.ToBase64String(SHA256.HashData(_part.GetBuffer().AsSpan(0, (int)_part.Length)));
}
