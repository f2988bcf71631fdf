using Orleans.Messaging;
using Spikeformer.Files;

namespace Spikeformer.Clustering;

/// <summary>Membership table of the silos of one machine, in the file <c>membership.json</c> of the cluster's state directory. Clients read the list of
/// gateways from it. No silo is special: any may die, and a cluster whose silos have all died can start again at once.</summary>
/// <remarks>
/// Each silo holds a lock file as long as its process lives. A starting silo declares silos dead whose lock is free. Orleans alone would wait until
/// their last sign of life is old. While the cluster runs, Orleans' probes find dead silos as usual.
/// </remarks>
internal sealed class FileMembershipTable : IMembershipTable, IGatewayListProvider, IDisposable
{
    /// <summary>Name of the file in the state directory.</summary>
    public const string FileName = "membership.json";

    private readonly string _directory;
    private readonly string? _clusterId;
    private readonly SharedFile _file;
    private FileLock? _ownLock;

    /// <summary>Represents the table of a state directory. Nothing is read or created yet.</summary>
    /// <param name="directory">The state directory, on a local file system. A silo creates it if necessary.</param>
    /// <param name="clusterId">Name of the cluster; null for a client, which accepts any.</param>
    /// <param name="time">The clock for waiting while another process changes the table.</param>
    public FileMembershipTable(string directory, string? clusterId, TimeProvider time)
    {
        (_directory, _clusterId) = (Path.GetFullPath(directory), clusterId);
        _file = new SharedFile(Path.Combine(_directory, FileName), time);
    }

    /// <summary>Reads the name of the cluster from a state directory.</summary>
    /// <exception cref="SpikeformerException">The directory has no table (NotFound), or the table is damaged (CheckFailed).</exception>
    public static string ReadClusterId(string directory)
    {
        var table = new FileMembershipTable(directory, clusterId: null, TimeProvider.System);
        return table.Read()?.ClusterId ?? throw new SpikeformerException(ErrorKind.NotFound,
            $"{table._directory} does not contain a cluster: there is no {FileName}", "Check the directory, or start a silo with it");
    }

    /// <inheritdoc/>
    public Task InitializeMembershipTable(bool tryInitTableVersion)
    {
        AtomicFile.CreateDirectory(_directory);
        return _file.InTurnAsync(() =>
        {
            _file.DeleteLeftovers();
            MembershipDocument document = ReadOrEmpty();
            MembershipDocument cleared = DeclareDead(document);
            if (cleared.Version != document.Version || document.Version == 0) _file.Replace(cleared.ToBytes());
            return true;
        });
    }

    /// <inheritdoc/>
    public Task<MembershipTableData> ReadRow(SiloAddress key) =>
        Task.Run(() => ToData(ReadOrEmpty(), row => row.Address.Equals(key)));

    /// <inheritdoc/>
    public Task<MembershipTableData> ReadAll() => Task.Run(() => ToData(ReadOrEmpty(), _ => true));

    /// <inheritdoc/>
    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(tableVersion);
        return _file.InTurnAsync(() =>
        {
            MembershipDocument document = ReadOrEmpty();
            if (document.TableVersion.VersionEtag != tableVersion.VersionEtag || document.Find(entry.SiloAddress) is not null) return false;
            // A silo inserts itself once, and holds its lock until its process ends.
            _ownLock ??= FileLock.TryAcquire(LockFileOf(entry.SiloAddress), out _);
            _file.Replace(document.With(entry).ToBytes());
            return true;
        });
    }

    /// <inheritdoc/>
    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion)
    {
        ArgumentNullException.ThrowIfNull(entry);
        ArgumentNullException.ThrowIfNull(tableVersion);
        return _file.InTurnAsync(() =>
        {
            MembershipDocument document = ReadOrEmpty();
            if (document.TableVersion.VersionEtag != tableVersion.VersionEtag || document.Find(entry.SiloAddress)?.ETag != etag) return false;
            _file.Replace(document.With(entry).ToBytes());
            return true;
        });
    }

    /// <summary>Records a silo's sign of life. Neither the table's version nor the row's ETag changes.</summary>
    /// <exception cref="SpikeformerException">The table has no such row (NotFound): the file was removed while the cluster ran.</exception>
    public Task UpdateIAmAlive(MembershipEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return _file.InTurnAsync(() =>
        {
            MembershipDocument document = ReadOrEmpty();
            MembershipDocument.Row row = document.Find(entry.SiloAddress) ?? throw new SpikeformerException(ErrorKind.NotFound,
                $"{_file.Path} has no row for the silo {entry.SiloAddress}", "Do not remove the table while the cluster runs; restart its silos");
            _file.Replace((document with { Rows = [.. document.Rows.Select(r => r == row ? r with { AliveUtc = entry.IAmAliveTime } : r)] }).ToBytes());
            return true;
        });
    }

    /// <inheritdoc/>
    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => _file.InTurnAsync(() =>
    {
        MembershipDocument document = ReadOrEmpty();
        MembershipDocument.Row[] kept = [.. document.Rows.Where(row =>
            row.Status != SiloStatus.Dead || row.AliveUtc >= beforeDate.UtcDateTime || row.StartedUtc >= beforeDate.UtcDateTime)];
        if (kept.Length < document.Rows.Count) _file.Replace((document with { Rows = kept }).ToBytes());
        return true;
    });

    /// <inheritdoc/>
    public Task DeleteMembershipTableEntries(string clusterId) => _file.InTurnAsync(() =>
    {
        if (Read() is { } document && document.ClusterId == clusterId) _file.Delete();
        return true;
    });

    /// <summary>Age at which a client reads its list of gateways again: 5 seconds.</summary>
    public TimeSpan MaxStaleness { get; } = TimeSpan.FromSeconds(5);

    /// <summary>True, because the list follows the table.</summary>
    public bool IsUpdatable => true;

    /// <inheritdoc/>
    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    /// <inheritdoc/>
    public Task<IList<Uri>> GetGateways() => Task.Run<IList<Uri>>(() =>
    [
        .. from row in Read()?.Rows ?? []
           where row.Status == SiloStatus.Active && row.GatewayPort > 0
           let silo = row.Address
           select SiloAddress.New(silo.Endpoint.Address, row.GatewayPort, silo.Generation).ToGatewayUri(),
    ]);

    /// <summary>Releases the lock that shows that this process's silo is alive.</summary>
    public void Dispose() => _ownLock?.Dispose();

    /// <summary>Declares silos dead whose processes have ended, and removes their lock files.</summary>
    private MembershipDocument DeclareDead(MembershipDocument document)
    {
        foreach (MembershipDocument.Row row in document.Rows)
        {
            string lockFile = LockFileOf(row.Address);
            if (!File.Exists(lockFile)) continue;
            using FileLock? vacant = FileLock.TryAcquire(lockFile, out _);
            if (vacant is null) continue;
            File.Delete(lockFile);
            if (row.Status == SiloStatus.Dead) continue;
            MembershipEntry entry = row.ToEntry().Item1;
            entry.Status = SiloStatus.Dead;
            document = document.With(entry);
        }
        return document;
    }

    private string LockFileOf(SiloAddress silo) => Path.Combine(_directory, $"silo-{silo.ToParsableString()}.lock");

    private MembershipDocument ReadOrEmpty()
    {
        MembershipDocument document = Read() ?? MembershipDocument.Empty(_clusterId ?? "");
        return document.ClusterId == _clusterId ? document : throw new SpikeformerException(ErrorKind.Conflict,
            $"{_file.Path} belongs to the cluster '{document.ClusterId}', not to '{_clusterId}'",
            "Choose another state directory, or use that cluster id");
    }

    private MembershipDocument? Read() => _file.Read() is { } bytes ? MembershipDocument.Parse(bytes, _file.Path) : null;

    private static MembershipTableData ToData(MembershipDocument document, Func<MembershipDocument.Row, bool> wanted) =>
        new([.. document.Rows.Where(wanted).Select(row => row.ToEntry())], document.TableVersion);
}
