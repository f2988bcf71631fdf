using System.Globalization;
using System.Net;
using Spikeformer.Clustering;
using Spikeformer.ObjectStore;
using Spikeformer.Training;
using StackExchange.Redis;

namespace Spikeformer.Silo;

/// <summary>How a silo takes part in its cluster. Read from configuration, section <c>Spikeformer</c>: <c>Spikeformer__NAME</c> in the environment,
/// <c>--name</c> on the command line, or <c>appsettings.json</c> beside the program.</summary>
internal sealed record SiloSettings
{
    /// <summary>The section's name.</summary>
    public const string Section = "Spikeformer";

    /// <summary>What the silo does; control and node unless given.</summary>
    public SiloRoles Roles { get; init; } = SiloRoles.Control | SiloRoles.Node;

    /// <summary>Name of the silo, unique in the cluster and the same after a restart: workers are called by it. The machine's name unless given.</summary>
    public string SiloName { get; init; } = Environment.MachineName.ToLowerInvariant();

    /// <summary>Name of the cluster.</summary>
    public string ClusterId { get; init; } = ClusterNames.DefaultId;

    /// <summary>Name of the service; records in Redis belong to it.</summary>
    public string ServiceId { get; init; } = ClusterNames.DefaultId;

    /// <summary>Connection string of Redis for membership, directory and records; null keeps them in files of <see cref="StateDirectory"/>.</summary>
    public string? Redis { get; init; }

    /// <summary>Directory of membership and records without Redis, on a local disk; shared by the silos of one machine. <c>cluster</c> unless given.</summary>
    public string StateDirectory { get; init; } = "cluster";

    /// <summary>Address under which others reach this silo. The loopback address (default) also keeps it from listening on others.</summary>
    public IPAddress AdvertisedAddress { get; init; } = IPAddress.Loopback;

    /// <summary>TCP port for silos; 0 takes a free one.</summary>
    public int SiloPort { get; init; } = ClusterNames.SiloPort;

    /// <summary>TCP port for clients; 0 takes a free one.</summary>
    public int GatewayPort { get; init; } = ClusterNames.GatewayPort;

    /// <summary>TCP port of metrics and health; 0 takes a free one.</summary>
    public int HttpPort { get; init; } = ClusterNames.HttpPort;

    /// <summary>First TCP port of the workers' data plane: slot n takes <c>DataPort + n</c>; 0 (default) takes free ones.</summary>
    public int DataPort { get; init; }

    /// <summary>Devices that get a worker; used by the role node.</summary>
    public DeviceSelection Devices { get; init; } = DeviceSelection.Auto;

    /// <summary>Default folder of the data as the workers see it; null when runs name their own.</summary>
    public string? Data { get; init; }

    /// <summary>Where runs that name no place keep their checkpoints, each under its name: a folder or <c>s3://bucket/prefix</c>; null keeps them in the
    /// run directories.</summary>
    public string? Checkpoints { get; init; }

    /// <summary>Where the object store is, section <c>S3</c>.</summary>
    public S3Settings S3 { get; init; } = new();

    /// <summary>Folder of the workers' logs; <c>workers</c> in <see cref="StateDirectory"/> unless given.</summary>
    public string? WorkerLogs { get; init; }

    /// <summary>Seconds that a worker goes on without its silo, for a restarted one to take over; 0 ends it at once. 60 unless given.</summary>
    public int OrphanGrace { get; init; } = 60;

    /// <summary>Whether workers measure, for this silo to export; on unless given.</summary>
    public bool WorkerMetrics { get; init; } = true;

    /// <summary>Files for TLS between silos and at the gateways; null (default) speaks in the clear.</summary>
    public TlsSettings? Tls { get; init; }

    /// <summary>Reads and checks all settings.</summary>
    /// <exception cref="SpikeformerException">Settings are wrong (Usage): the message lists all of them.</exception>
    public static SiloSettings Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var reader = new Reader(configuration.GetSection(Section));
        var defaults = new SiloSettings();
        var settings = new SiloSettings
        {
            Roles = reader.Roles(defaults.Roles),
            SiloName = reader.Name(defaults.SiloName, nameof(SiloName)),
            ClusterId = reader.Name(defaults.ClusterId, nameof(ClusterId)),
            ServiceId = reader.Name(defaults.ServiceId, nameof(ServiceId)),
            Redis = reader.Redis(),
            StateDirectory = Path.GetFullPath(reader.Text(nameof(StateDirectory)) ?? defaults.StateDirectory),
            AdvertisedAddress = reader.Address(defaults.AdvertisedAddress),
            SiloPort = reader.Port(defaults.SiloPort, nameof(SiloPort)),
            GatewayPort = reader.Port(defaults.GatewayPort, nameof(GatewayPort)),
            HttpPort = reader.Port(defaults.HttpPort, nameof(HttpPort)),
            DataPort = reader.Port(defaults.DataPort, nameof(DataPort)),
            Devices = reader.Devices(defaults.Devices),
            Data = reader.Text(nameof(Data)),
            Checkpoints = reader.Checkpoints(),
            S3 = reader.S3(),
            WorkerLogs = reader.Text(nameof(WorkerLogs)),
            OrphanGrace = reader.Seconds(defaults.OrphanGrace, nameof(OrphanGrace)),
            WorkerMetrics = reader.Switch(defaults.WorkerMetrics, nameof(WorkerMetrics)),
            Tls = reader.Tls(),
        };
        reader.RequireDifferent(
            (nameof(SiloPort), settings.SiloPort), (nameof(GatewayPort), settings.GatewayPort), (nameof(HttpPort), settings.HttpPort), (nameof(DataPort), settings.DataPort));
        if (settings.Data is { } data && settings.Roles.HasFlag(SiloRoles.Node) && !Directory.Exists(data))
            reader.Complain(nameof(Data), "there is no such folder; mount it, or leave it out when runs name their own");
        reader.ThrowIfAnyProblem();
        return settings;
    }

    /// <summary>Turns a section's texts into values and collects what is wrong with them.</summary>
    private sealed class Reader(IConfigurationSection section)
    {
        private readonly List<string> _problems = [];
        private readonly List<string> _known = [];

        public string? Text(string key)
        {
            _known.Add(key);
            return string.IsNullOrWhiteSpace(section[key]) ? null : section[key]!.Trim();
        }

        public int Port(int otherwise, string key)
        {
            if (Text(key) is not { } text) return otherwise;
            if (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)) return port;
            Complain(key, "a port is a number from 1 to 65535, or 0 for a free one");
            return otherwise;
        }

        public int Seconds(int otherwise, string key)
        {
            if (Text(key) is not { } text) return otherwise;
            if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)) return seconds;
            Complain(key, "give a whole number of seconds");
            return otherwise;
        }

        public bool Switch(bool otherwise, string key)
        {
            switch (Text(key)?.ToLowerInvariant())
            {
                case null: return otherwise;
                case "on" or "true": return true;
                case "off" or "false": return false;
            }
            Complain(key, "give on or off");
            return otherwise;
        }

        // A name stands in a worker's key before a slash, and in keys of Redis.
        public string Name(string otherwise, string key)
        {
            if (Text(key) is not { } text) return otherwise;
            if (text.Length > 63 || !text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
                Complain(key, "a name has at most 63 letters, digits, hyphens, underscores and dots");
            return text;
        }

        public SiloRoles Roles(SiloRoles otherwise)
        {
            if (Text(nameof(SiloSettings.Roles)) is not { } text) return otherwise;
            var roles = SiloRoles.None;
            foreach (string word in text.Split(',', StringSplitOptions.TrimEntries))
                roles |= word.ToLowerInvariant() switch
                {
                    "control" => SiloRoles.Control,
                    "node" => SiloRoles.Node,
                    _ => Unknown(word),
                };
            return roles;

            SiloRoles Unknown(string word)
            {
                Complain(nameof(SiloSettings.Roles), $"'{word}' is no role; give control, node, or both with a comma");
                return SiloRoles.None;
            }
        }

        public DeviceSelection Devices(DeviceSelection otherwise)
        {
            if (Text(nameof(SiloSettings.Devices)) is not { } text) return otherwise;
            if (DeviceSelection.TryParse(text, out string problem) is { } selection) return selection;
            Complain(nameof(SiloSettings.Devices), $"{problem}; give for example auto, cpu:2 or cuda:0,1");
            return otherwise;
        }

        public IPAddress Address(IPAddress otherwise)
        {
            if (Text(nameof(AdvertisedAddress)) is not { } text) return otherwise;
            if (!IPAddress.TryParse(text, out IPAddress? address)) Complain(nameof(AdvertisedAddress), "give an IP address of this machine");
            else if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
                Complain(nameof(AdvertisedAddress), "others cannot connect to this one; give the address that they reach this machine under");
            return address ?? otherwise;
        }

        public string? Redis()
        {
            if (Text(nameof(SiloSettings.Redis)) is not { } text) return null;
            try
            {
                if (ConfigurationOptions.Parse(text).EndPoints.Count > 0) return text;
            }
            catch (ArgumentException)
            {
            }
            // The text may hold a password: it is not shown.
            _problems.Add($"{Section}__{nameof(SiloSettings.Redis)}: it names no server; give host:port, options after a comma");
            return null;
        }

        // What the files hold is checked when the silo starts.
        public TlsSettings? Tls()
        {
            const string group = nameof(SiloSettings.Tls);
            string[] parts = [nameof(TlsSettings.Certificate), nameof(TlsSettings.Key), nameof(TlsSettings.Authority), nameof(TlsSettings.Name)];
            _known.Add(group);
            foreach (string unknown in section.GetSection(group).GetChildren().Select(child => child.Key).Except(parts, StringComparer.OrdinalIgnoreCase))
                _problems.Add($"{Section}__{group}__{unknown}: there is no such setting{ClosestName.Hint(unknown, parts)}");
            string? certificate = File(nameof(TlsSettings.Certificate)), key = File(nameof(TlsSettings.Key));
            string? authority = File(nameof(TlsSettings.Authority));
            string? name = Text($"{group}:{nameof(TlsSettings.Name)}");
            if (name is not null && Uri.CheckHostName(name) != UriHostNameType.Dns)
                Complain($"{group}:{nameof(TlsSettings.Name)}", "give the DNS name that the silos' certificates hold");
            if ((certificate ?? key ?? authority) is null) return null;
            if (certificate is null) Miss(nameof(TlsSettings.Certificate));
            if (authority is null) Miss(nameof(TlsSettings.Authority));
            return new() { Certificate = certificate, Key = key, Authority = authority ?? "", Name = name ?? TlsSettings.DefaultName, IsOfSilo = true };

            string? File(string part) => Text($"{group}:{part}") is { } path ? Path.GetFullPath(path) : null;

            void Miss(string part) => _problems.Add($"{Section}__{group}__{part}: it is missing; TLS needs the silo's certificate with its key, and the authority's");
        }

        public string? Checkpoints()
        {
            if (Text(nameof(SiloSettings.Checkpoints)) is not { } text) return null;
            try
            {
                return CheckpointPlaces.Normalized(text);
            }
            catch (SpikeformerException error)
            {
                Complain(nameof(SiloSettings.Checkpoints), error.Remedy);
                return null;
            }
        }

        public S3Settings S3()
        {
            const string name = nameof(SiloSettings.S3);
            _known.Add(name);
            foreach (string key in section.GetSection(name).GetChildren().Select(child => child.Key).Except(S3Settings.Names, StringComparer.OrdinalIgnoreCase))
                _problems.Add($"{Section}__{name}__{key}: there is no such setting{ClosestName.Hint(key, [.. S3Settings.Names])}");
            return S3Settings.Read(key => section[$"{name}:{key}"]?.Trim(),
                (key, problem) => _problems.Add($"{Section}__{name}__{key} = '{section[$"{name}:{key}"]}': {problem}"));
        }

        public void RequireDifferent(params ReadOnlySpan<(string Key, int Port)> ports)
        {
            for (int i = 0; i < ports.Length; i++)
                for (int j = 0; j < i; j++)
                    if (ports[i].Port == ports[j].Port && ports[i].Port != 0) Complain(ports[i].Key, $"{ports[j].Key} is the same", $"{ports[i].Port}");
        }

        public void Complain(string key, string problem, string? value = null) =>
            _problems.Add($"{Section}__{key.Replace(":", "__", StringComparison.Ordinal)} = '{value ?? section[key]}': {problem}");

        public void ThrowIfAnyProblem()
        {
            foreach (string key in section.GetChildren().Select(child => child.Key).Where(key => !_known.Contains(key, StringComparer.OrdinalIgnoreCase)))
                _problems.Add($"{Section}__{key}: there is no such setting{ClosestName.Hint(key, _known)}");
            if (_problems.Count == 0) return;
            throw new SpikeformerException(ErrorKind.Usage,
                $"The silo has {_problems.Count} wrong setting{(_problems.Count == 1 ? "" : "s")}:\n  {string.Join("\n  ", _problems)}",
                "Each can be given as an option, as an environment variable, or in appsettings.json, in this order of precedence");
        }
    }
}
