using System.Net;
using System.Text.Json;
using Spikeformer.Files;

namespace Spikeformer.ObjectStore;

/// <summary>
/// The object <c>owner.json</c>, which names the run that owns the checkpoints and its current writer. A writer replaces it only in the version that it
/// has read (If-None-Match, If-Match), so the store admits one of two concurrent writers. Before each change, the writer checks that the object is
/// still its own.
/// </summary>
/// <remarks>The claim is a fence and not a lock: a new writer neither waits for one that has died nor trusts clocks. Live writers wait for the lock on the
/// run directory. The claim covers the cases that this lock cannot see: two run directories with the same address, and a machine that has lost the
/// shared file system together with its lock but still reaches the store. One request lies between the check and the change that it guards.</remarks>
internal sealed class S3Claim(S3Calls calls, RunOwner owner, Action<string> warn)
{
    /// <summary>Name of the object beside the folders.</summary>
    public const string FileName = "owner.json";

    private bool _lacksConditions;
    private string? _held;

    /// <summary>Makes this process the writer.</summary>
    /// <exception cref="SpikeformerException">The checkpoints belong to another run, or another writer was faster (Conflict); or the object is damaged
    /// (CheckFailed).</exception>
    /// <exception cref="StorageException">The store refuses or does not answer.</exception>
    public void Take()
    {
        (Claim? found, string? version) = Read();
        if (found is not null && found.Start != owner.Start)
            throw new SpikeformerException(ErrorKind.Conflict, $"The checkpoints in {calls.Address} belong to run {found.Run} in {found.Directory}",
                $"Choose another place; or, if that run no longer exists, remove its checkpoints and {FileName}");
        var claim = new Claim(owner.Run, owner.Start, owner.Directory, $"{Environment.MachineName}, process {Environment.ProcessId}", Guid.NewGuid());
        _held = Write(claim, version);
    }

    /// <summary>Checks that no other process has become the writer. Does nothing if this process is not the writer.</summary>
    /// <exception cref="StorageException">Another process is the writer (Conflict), or the store does not answer.</exception>
    public void Check()
    {
        if (_held is null || Version() == _held) return;
        throw new StorageException(ErrorKind.Conflict, $"another process now writes the checkpoints in {calls.Address}, see {FileName}",
            "If the run continues elsewhere, no action is needed; otherwise end that process");
    }

    /// <summary>Stops being the writer.</summary>
    public void Release() => _held = null;

    private string Write(Claim claim, string? version)
    {
        try
        {
            return Put(claim, ifMatch: version, ifNoneMatch: version is null ? "*" : null);
        }
        catch (StorageException error) when (S3Errors.StatusOf(error) is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict)
        {
            // An earlier attempt may have succeeded, and its answer may have been lost.
            (Claim? current, string? currentVersion) = Read();
            if (current?.Nonce == claim.Nonce) return currentVersion!;
            throw new SpikeformerException(ErrorKind.Conflict, $"{calls.Address} is being written by {current?.Holder ?? "another process"}", "Try again when it has finished", error);
        }
        catch (StorageException error) when (S3Errors.StatusOf(error) is HttpStatusCode.NotImplemented)
        {
            if (!_lacksConditions) warn($"The store of {calls.Address} does not support conditional writes, so it does not keep two writers apart that start at the same time");
            _lacksConditions = true;
            return Put(claim, null, null);
        }
    }

    private string Put(Claim claim, string? ifMatch, string? ifNoneMatch)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(claim, JsonSerializerOptions.Web);
        return calls.Do((s3, cancellation) => s3.PutObjectAsync(new()
        {
            BucketName = calls.Address.Bucket, Key = Key, InputStream = new MemoryStream(bytes), UseChunkEncoding = false, DisablePayloadSigning = false,
            IfMatch = _lacksConditions ? null : ifMatch, IfNoneMatch = _lacksConditions ? null : ifNoneMatch,
        }, cancellation)).ETag;
    }

    private (Claim? Claim, string? Version) Read()
    {
        try
        {
            using var stream = new S3ReadStream(calls, Key);
            return (JsonSerializer.Deserialize<Claim>(stream, JsonSerializerOptions.Web), stream.Version);
        }
        catch (FileNotFoundException)
        {
            return (null, null);
        }
        catch (JsonException error)
        {
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{calls.Address}/{FileName} is damaged: {error.Message.TrimEnd('.')}",
                "Remove it if no run writes there; the next save creates it again", error);
        }
    }

    private string? Version()
    {
        try
        {
            return calls.Do((s3, cancellation) => s3.GetObjectMetadataAsync(calls.Address.Bucket, Key, cancellation)).ETag;
        }
        catch (StorageException error) when (S3Errors.IsMissing(error))
        {
            return null;
        }
    }

    private string Key => calls.Address.Prefix + FileName;

    private sealed record Claim(string Run, Guid Start, string Directory, string Holder, Guid Nonce);
}
