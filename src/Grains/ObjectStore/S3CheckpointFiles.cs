using System.Net;
using Amazon.S3;
using Amazon.S3.Model;
using Spikeformer.Checkpoints;
using Spikeformer.Files;

namespace Spikeformer.ObjectStore;

/// <summary>Checkpoints in an object store, with keys <c>PREFIX/FOLDER/FILE</c>. Each file is one object. An object exists completely or not at all, and after
/// a confirmed write it is durable and visible to all readers. A file is written with one request, or with an upload in parts that becomes an object at
/// the end.</summary>
/// <remarks>Writes of slices and manifests are unconditional. All writers of the same step and lineage write the same bits, so a repeated or late write
/// changes nothing. Only removing files must be left to one writer at a time, which <see cref="S3Claim"/> ensures.</remarks>
internal sealed class S3CheckpointFiles : ICheckpointFiles
{
    private const string LockFile = "checkpoints.lock";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly S3Calls _calls;
    private readonly S3Claim _claim;
    private readonly RunOwner _owner;
    private readonly TimeSpan _lockPatience;

    /// <summary>Opens the place. No request is sent yet.</summary>
    /// <param name="s3">The store.</param>
    /// <param name="address">Place of the checkpoints.</param>
    /// <param name="owner">The run; used by its writers only.</param>
    /// <param name="warn">Called with warnings.</param>
    /// <param name="limits">Time limits of requests; null takes the defaults.</param>
    /// <param name="time">The clock of limits and pauses; null takes the system's.</param>
    /// <param name="lockPatience">How long to wait for another writer; null takes 10 seconds.</param>
    public S3CheckpointFiles(IAmazonS3 s3, S3Address address, RunOwner owner, Action<string> warn, S3Limits? limits = null, TimeProvider? time = null,
        TimeSpan? lockPatience = null)
    {
        _calls = new(s3, address, limits ?? new(), time ?? TimeProvider.System);
        _claim = new(_calls, owner, warn);
        (_owner, _lockPatience) = (owner, lockPatience ?? s_patience);
    }

    /// <inheritdoc/>
    public string Location => _calls.Address.ToString();

    private string Bucket => _calls.Address.Bucket;

    /// <inheritdoc/>
    public IReadOnlyList<string> Folders()
    {
        // Like a directory, a folder exists as soon as a write into it has begun.
        string prefix = _calls.Address.Prefix;
        IEnumerable<string> begun = Uploads(prefix).Select(upload => upload.Key[prefix.Length..].Split('/')).Where(path => path.Length == 2).Select(path => path[0]);
        return [.. List(prefix).Folders.Concat(begun).Distinct()];
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Files(string folder) => List(PrefixOf(folder)).Files;

    /// <inheritdoc/>
    public Stream OpenRead(string folder, string file) => new S3ReadStream(_calls, KeyOf(folder, file));

    /// <inheritdoc/>
    public void Write(string folder, string file, Action<Stream> content)
    {
        ArgumentNullException.ThrowIfNull(content);
        using var upload = new S3Upload(_calls, KeyOf(folder, file));
        try
        {
            content(upload);
            _claim.Check();
            upload.Complete();
        }
        catch
        {
            upload.Abort();
            throw;
        }
    }

    /// <summary>Moves a file to another folder without transferring its bytes through this process. It replaces a file with the same name.</summary>
    /// <param name="folder">The current folder.</param>
    /// <param name="file">The file, at most 5 GiB.</param>
    /// <param name="target">The new folder.</param>
    public void Move(string folder, string file, string target)
    {
        (string source, string key) = (KeyOf(folder, file), KeyOf(target, file));
        _claim.Check();
        try
        {
            _calls.Do((s3, cancellation) => s3.CopyObjectAsync(Bucket, source, Bucket, key, cancellation));
        }
        catch (StorageException error) when (S3Errors.IsMissing(error))
        {
            throw new FileNotFoundException($"there is no object {source} in {Bucket}", source, error);
        }
        Delete(source);
    }

    /// <inheritdoc/>
    public void Delete(string folder, string file)
    {
        string key = KeyOf(folder, file);
        _claim.Check();
        Delete(key);
    }

    /// <inheritdoc/>
    public void DeleteFolder(string folder)
    {
        string prefix = PrefixOf(folder);
        IReadOnlyList<string> files = List(prefix).Files;
        _claim.Check();
        foreach (string file in files) Delete(prefix + file);
        AbortUploads(prefix);
    }

    /// <inheritdoc/>
    public void DeleteLeftovers(string folder)
    {
        string prefix = PrefixOf(folder);
        _claim.Check();
        AbortUploads(prefix);
    }

    /// <inheritdoc/>
    public long? AvailableBytes() => null;

    /// <inheritdoc/>
    /// <remarks>The lock is on a file in the run directory, which all writers of a run share anyway. A lease in the store would expire while a slow writer
    /// still holds it, or block the next writer after a crash.</remarks>
    public IDisposable Lock()
    {
        AtomicFile.CreateDirectoryOrThrow(_owner.Directory);
        FileLock held = FileLock.TryAcquire(Path.Combine(_owner.Directory, LockFile), _lockPatience, out string writer)
            ?? throw new SpikeformerException(ErrorKind.Conflict, $"{Location} is being written by {writer}", "Try again when it has finished");
        try
        {
            _claim.Take();
            return new Writer(held, _claim);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private void Delete(string key) => _calls.Do((s3, cancellation) => s3.DeleteObjectAsync(Bucket, key, cancellation));

    private void AbortUploads(string prefix)
    {
        foreach (MultipartUpload upload in Uploads(prefix))
        {
            try
            {
                _calls.Do((s3, cancellation) => s3.AbortMultipartUploadAsync(Bucket, upload.Key, upload.UploadId, cancellation));
            }
            catch (StorageException error) when (S3Errors.IsMissing(error))
            {
                // It ended by itself, or an earlier attempt removed it and the answer was lost.
            }
        }
    }

    /// <summary>Lists the names directly below a prefix, from all pages.</summary>
    private (List<string> Folders, List<string> Files) List(string prefix)
    {
        var (folders, files) = (new List<string>(), new List<string>());
        for (string? page = null; ;)
        {
            var request = new ListObjectsV2Request { BucketName = Bucket, Prefix = prefix, Delimiter = "/", ContinuationToken = page };
            ListObjectsV2Response answer = _calls.Do((s3, cancellation) => s3.ListObjectsV2Async(request, cancellation));
            folders.AddRange((answer.CommonPrefixes ?? []).Select(folder => folder[prefix.Length..^1]));
            // Some tools create an object with the folder's own name.
            files.AddRange((answer.S3Objects ?? []).Select(found => found.Key[prefix.Length..]).Where(name => name != ""));
            if (answer.IsTruncated != true) return (folders, files);
            page = answer.NextContinuationToken;
        }
    }

    /// <summary>Lists uploads in parts that were neither completed nor aborted. The list is empty if the store does not list them or denies access: then
    /// the bucket's own rules must remove them.</summary>
    private List<MultipartUpload> Uploads(string prefix)
    {
        var uploads = new List<MultipartUpload>();
        try
        {
            for (var request = new ListMultipartUploadsRequest { BucketName = Bucket, Prefix = prefix }; ;)
            {
                ListMultipartUploadsResponse answer = _calls.Do((s3, cancellation) => s3.ListMultipartUploadsAsync(request, cancellation));
                uploads.AddRange(answer.MultipartUploads ?? []);
                if (answer.IsTruncated != true) return uploads;
                (request.KeyMarker, request.UploadIdMarker) = (answer.NextKeyMarker, answer.NextUploadIdMarker);
            }
        }
        catch (StorageException error) when (S3Errors.StatusOf(error) is HttpStatusCode.Forbidden or HttpStatusCode.NotImplemented)
        {
            return uploads;
        }
    }

    private string PrefixOf(string folder) => $"{_calls.Address.Prefix}{PlainName(folder)}/";

    private string KeyOf(string folder, string file) => PrefixOf(folder) + PlainName(file);

    // The last guard against names from a damaged or malicious manifest.
    private static string PlainName(string name) => name is "" or "." or ".." || name.AsSpan().ContainsAny('/', '\0')
        ? throw new ArgumentException($"'{name}' is not a plain file name.", nameof(name))
        : name;

    private sealed class Writer(FileLock held, S3Claim claim) : IDisposable
    {
        public void Dispose()
        {
            claim.Release();
            held.Dispose();
        }
    }
}
