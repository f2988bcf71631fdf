using System.Net;
using System.Text.Json;
using Spikeformer.Files;

namespace Spikeformer.ObjectStore;

/// <summary>
/// Whose checkpoints these are, and who writes them now: the object <c>owner.json</c>. A writer replaces it only in the state in which it has read it
/// (If-None-Match, If-Match), so of two that come at once the store lets one in; and it looks before each change whether it still is what it wrote.
/// </summary>
/// <remarks>It fences rather than locks: a newcomer need not wait for one that has gone, nor trust clocks. Who waits for whom is settled by the lock
/// on the run directory, whose holder is alive; the claim is for what that lock cannot see: two run directories with one address, and a machine that
/// lost the shared file system, with its lock, and still reaches the store. Between the look and the change it guards lies one request.</remarks>
internal sealed class S3Claim(S3Calls calls, RunOwner owner, Action<string> warn)
{
    /// <summary>Name of the object beside the folders.</summary>
    public const string FileName = "owner.json";

    private bool _isWithoutConditions;
    private string? _held;

    /// <summary>Becomes the writer.</summary>
    /// <exception cref="SpikeformerException">The checkpoints are another run's, or another writer has come in this moment (Conflict); or the object is
    /// damaged (CheckFailed).</exception>
    /// <exception cref="StorageException">The store refuses, or does not answer.</exception>
    public void Take()
    {
        (Claim? found, string? version) = Read();
        if (found is not null && found.Start != owner.Start)
            throw new SpikeformerException(ErrorKind.Conflict, $"The checkpoints in {calls.Address} are those of run {found.Run} that {found.Directory} holds",
                $"Choose another place; or, if that run is no more, remove what lies there with {FileName}");
        var claim = new Claim(owner.Run, owner.Start, owner.Directory, $"{Environment.MachineName}, process {Environment.ProcessId}", Guid.NewGuid());
        _held = Write(claim, version);
    }

    /// <summary>Makes sure that no other has become the writer. Does nothing while this is none.</summary>
    /// <exception cref="StorageException">Another has (Conflict), or the store does not answer.</exception>
    public void Check()
    {
        if (_held is null || Version() == _held) return;
        throw new StorageException(ErrorKind.Conflict, $"another process writes the checkpoints in {calls.Address} now, see {FileName}",
            "Nothing need be done if the run goes on elsewhere; else end that process");
    }

    /// <summary>Is the writer no more.</summary>
    public void Release() => _held = null;

    private string Write(Claim claim, string? version)
    {
        try
        {
            return Put(claim, ifMatch: version, ifNoneMatch: version is null ? "*" : null);
        }
        catch (StorageException error) when (S3Errors.StatusOf(error) is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict)
        {
            // The store may have done it and the answer may have been lost.
            (Claim? now, string? its) = Read();
            if (now?.Nonce == claim.Nonce) return its!;
            throw new SpikeformerException(ErrorKind.Conflict, $"{calls.Address} is being written by {now?.Holder ?? "another process"}", "Try again when it has finished", error);
        }
        catch (StorageException error) when (S3Errors.StatusOf(error) is HttpStatusCode.NotImplemented)
        {
            if (!_isWithoutConditions) warn($"The store of {calls.Address} knows no conditional writes: of two writers that begin at once, it lets both in");
            _isWithoutConditions = true;
            return Put(claim, null, null);
        }
    }

    private string Put(Claim claim, string? ifMatch, string? ifNoneMatch)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(claim, JsonSerializerOptions.Web);
        return calls.Do((s3, cancellation) => s3.PutObjectAsync(new()
        {
            BucketName = calls.Address.Bucket, Key = Key, InputStream = new MemoryStream(bytes), UseChunkEncoding = false, DisablePayloadSigning = false,
            IfMatch = _isWithoutConditions ? null : ifMatch, IfNoneMatch = _isWithoutConditions ? null : ifNoneMatch,
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
                "Remove it if no run writes there; the next save makes it anew", error);
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
