using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Spikeformer.Clustering;

/// <summary>The membership table of one cluster as a JSON document.</summary>
internal sealed record MembershipDocument
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter() },
    };

    /// <summary>Version of the document's layout: 1.</summary>
    public int SchemaVersion { get; init; } = 1;
    /// <summary>Name of the cluster.</summary>
    public required string ClusterId { get; init; }
    /// <summary>Number of changes so far, not counting signs of life.</summary>
    public required int Version { get; init; }
    /// <summary>One row for each silo incarnation.</summary>
    public required IReadOnlyList<Row> Rows { get; init; }

    /// <summary>A silo incarnation.</summary>
    internal sealed record Row
    {
        /// <summary><c>address:port@generation</c>.</summary>
        public required string Silo { get; init; }
        /// <summary>Changes with every change of the row except signs of life.</summary>
        public required string ETag { get; init; }
        public required SiloStatus Status { get; init; }
        public required string Name { get; init; }
        public required string HostName { get; init; }
        /// <summary>Port for clients; 0 if the silo has no gateway.</summary>
        public required int GatewayPort { get; init; }
        public required DateTime StartedUtc { get; init; }
        public required DateTime AliveUtc { get; init; }
        public IReadOnlyList<Suspicion> Suspicions { get; init; } = [];

        [JsonIgnore]
        public SiloAddress Address => SiloAddress.FromParsableString(Silo);

        /// <summary>Converts from Orleans' entry.</summary>
        public static Row Of(MembershipEntry entry, string etag) => new()
        {
            Silo = entry.SiloAddress.ToParsableString(),
            ETag = etag,
            Status = entry.Status,
            Name = entry.SiloName,
            HostName = entry.HostName,
            GatewayPort = entry.ProxyPort,
            StartedUtc = entry.StartTime,
            AliveUtc = entry.IAmAliveTime,
            Suspicions = [.. (entry.SuspectTimes ?? []).Select(vote => new Suspicion(vote.Item1.ToParsableString(), vote.Item2))],
        };

        /// <summary>Converts to Orleans' entry and its ETag.</summary>
        public Tuple<MembershipEntry, string> ToEntry() => Tuple.Create(
            new MembershipEntry
            {
                SiloAddress = Address,
                Status = Status,
                SiloName = Name,
                HostName = HostName,
                ProxyPort = GatewayPort,
                StartTime = StartedUtc,
                IAmAliveTime = AliveUtc,
                SuspectTimes = [.. Suspicions.Select(vote => Tuple.Create(SiloAddress.FromParsableString(vote.By), vote.AtUtc))],
            },
            ETag);
    }

    /// <summary>A silo's vote that another is dead.</summary>
    internal sealed record Suspicion(string By, DateTime AtUtc);

    /// <summary>The version in Orleans' form.</summary>
    [JsonIgnore]
    public TableVersion TableVersion => new(Version, ETagOf(Version));

    /// <summary>Returns a table without rows.</summary>
    public static MembershipDocument Empty(string clusterId) => new() { ClusterId = clusterId, Version = 0, Rows = [] };

    /// <summary>Returns the row of a silo incarnation, or null.</summary>
    public Row? Find(SiloAddress silo)
    {
        string key = silo.ToParsableString();
        return Rows.FirstOrDefault(row => row.Silo == key);
    }

    /// <summary>Returns the next version, with an entry's row added or replaced.</summary>
    public MembershipDocument With(MembershipEntry entry)
    {
        var changed = Row.Of(entry, ETagOf(Version + 1));
        return this with { Version = Version + 1, Rows = [.. Rows.Where(row => row.Silo != changed.Silo), changed] };
    }

    /// <summary>Returns the document as UTF-8 JSON.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, s_json);

    /// <summary>Reads a document.</summary>
    /// <param name="bytes">UTF-8 JSON.</param>
    /// <param name="path">Path of the file, for messages.</param>
    /// <exception cref="SpikeformerException">The document is damaged (CheckFailed).</exception>
    public static MembershipDocument Parse(byte[] bytes, string path)
    {
        try
        {
            MembershipDocument? document = JsonSerializer.Deserialize<MembershipDocument>(bytes, s_json);
            if (document is not { SchemaVersion: 1 }) throw new JsonException("schemaVersion is not 1.");
            foreach (Row row in document.Rows) _ = row.ToEntry();
            return document;
        }
        catch (Exception error) when (error is JsonException or FormatException)
        {
            throw new SpikeformerException(ErrorKind.CheckFailed, $"The membership table {path} is damaged: {error.Message.TrimEnd('.')}",
                "Stop the silos that use it and remove the file; it lists only silos, so no run is lost", error);
        }
    }

    private static string ETagOf(int version) => version.ToString(CultureInfo.InvariantCulture);
}
