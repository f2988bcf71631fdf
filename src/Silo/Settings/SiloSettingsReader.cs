using System.Globalization;
using System.Net;
using Spikeformer.Clustering.Tls;
using Spikeformer.ObjectStore;
using Spikeformer.Recipes;
using Spikeformer.Silo.Devices;
using StackExchange.Redis;

namespace Spikeformer.Silo.Settings;

/// <summary>Reads <see cref="SiloSettings"/> from a configuration section and reports all wrong settings at once.</summary>
internal sealed class SiloSettingsReader
{
    private readonly IConfigurationSection _section;
    private readonly List<string> _problems = [];
    private readonly List<string> _known = [];

    private SiloSettingsReader(IConfigurationSection section) => _section = section;

    /// <summary>Reads and checks all settings.</summary>
    /// <exception cref="SpikeformerException">Settings are wrong (Usage); the message lists all of them.</exception>
    public static SiloSettings Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var reader = new SiloSettingsReader(configuration.GetSection(SiloSettings.Section));
        var defaults = new SiloSettings();
        var settings = new SiloSettings
        {
            Roles = reader.Roles(defaults.Roles),
            SiloName = reader.Name(defaults.SiloName, nameof(SiloSettings.SiloName)),
            ClusterId = reader.Name(defaults.ClusterId, nameof(SiloSettings.ClusterId)),
            ServiceId = reader.Name(defaults.ServiceId, nameof(SiloSettings.ServiceId)),
            Redis = reader.Redis(),
            StateDirectory = Path.GetFullPath(reader.Text(nameof(SiloSettings.StateDirectory)) ?? defaults.StateDirectory),
            AdvertisedAddress = reader.Address(defaults.AdvertisedAddress),
            SiloPort = reader.Port(defaults.SiloPort, nameof(SiloSettings.SiloPort)),
            GatewayPort = reader.Port(defaults.GatewayPort, nameof(SiloSettings.GatewayPort)),
            HttpPort = reader.Port(defaults.HttpPort, nameof(SiloSettings.HttpPort)),
            DataPort = reader.Port(defaults.DataPort, nameof(SiloSettings.DataPort)),
            Devices = reader.Devices(defaults.Devices),
            Data = reader.Text(nameof(SiloSettings.Data)),
            Checkpoints = reader.Checkpoints(),
            S3 = reader.S3(),
            WorkerLogs = reader.Text(nameof(SiloSettings.WorkerLogs)),
            OrphanGrace = reader.Seconds(defaults.OrphanGrace, nameof(SiloSettings.OrphanGrace)),
            WorkerMetrics = reader.Switch(defaults.WorkerMetrics, nameof(SiloSettings.WorkerMetrics)),
            Tls = reader.Tls(),
        };
        reader.RequireDifferent(
            (nameof(SiloSettings.SiloPort), settings.SiloPort), (nameof(SiloSettings.GatewayPort), settings.GatewayPort), (nameof(SiloSettings.HttpPort), settings.HttpPort), (nameof(SiloSettings.DataPort), settings.DataPort));
        if (settings.Data is { } data && settings.Roles.HasFlag(SiloRoles.Node) && !Directory.Exists(data))
            reader.Reject(nameof(SiloSettings.Data), "there is no such folder; mount it, or leave the setting out if runs name their own");
        reader.ThrowIfAnyProblem();
        return settings;
    }

    private string? Text(string key)
    {
        _known.Add(key);
        return string.IsNullOrWhiteSpace(_section[key]) ? null : _section[key]!.Trim();
    }

    private int Port(int otherwise, string key)
    {
        if (Text(key) is not { } text) return otherwise;
        if (ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)) return port;
        Reject(key, "give a port from 1 to 65535, or 0 for a free one");
        return otherwise;
    }

    private int Seconds(int otherwise, string key)
    {
        if (Text(key) is not { } text) return otherwise;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)) return seconds;
        Reject(key, "give a whole number of seconds");
        return otherwise;
    }

    private bool Switch(bool otherwise, string key)
    {
        switch (Text(key)?.ToLowerInvariant())
        {
            case null: return otherwise;
            case "on" or "true": return true;
            case "off" or "false": return false;
        }
        Reject(key, "give on or off");
        return otherwise;
    }

    private string Name(string otherwise, string key)
    {
        if (Text(key) is not { } text) return otherwise;
        if (!NameRule.Allows(text)) Reject(key, $"a name is {NameRule.Text}");
        return text;
    }

    private SiloRoles Roles(SiloRoles otherwise)
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
            Reject(nameof(SiloSettings.Roles), $"'{word}' is not a role; give control, node, or both with a comma");
            return SiloRoles.None;
        }
    }

    private DeviceSelection Devices(DeviceSelection otherwise)
    {
        if (Text(nameof(SiloSettings.Devices)) is not { } text) return otherwise;
        if (DeviceSelection.TryParse(text, out string problem) is { } selection) return selection;
        Reject(nameof(SiloSettings.Devices), $"{problem}; give for example auto, cpu:2 or cuda:0,1");
        return otherwise;
    }

    private IPAddress Address(IPAddress otherwise)
    {
        if (Text(nameof(SiloSettings.AdvertisedAddress)) is not { } text) return otherwise;
        if (!IPAddress.TryParse(text, out IPAddress? address)) Reject(nameof(SiloSettings.AdvertisedAddress), "give an IP address of this machine");
        else if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
            Reject(nameof(SiloSettings.AdvertisedAddress), "others cannot connect to this address; give the one at which they reach this machine");
        return address ?? otherwise;
    }

    private string? Redis()
    {
        if (Text(nameof(SiloSettings.Redis)) is not { } text) return null;
        try
        {
            if (ConfigurationOptions.Parse(text).EndPoints.Count > 0) return text;
        }
        catch (ArgumentException)
        {
        }
        // The text is not shown, since it may hold a password.
        _problems.Add($"{SiloSettings.Section}__{nameof(SiloSettings.Redis)}: it names no server; give host:port, with options after a comma");
        return null;
    }

    // The content of the files is checked when the silo starts.
    private TlsSettings? Tls()
    {
        const string group = nameof(SiloSettings.Tls);
        string[] parts = [nameof(TlsSettings.Certificate), nameof(TlsSettings.Key), nameof(TlsSettings.Authority), nameof(TlsSettings.Name)];
        _known.Add(group);
        foreach (string unknown in _section.GetSection(group).GetChildren().Select(child => child.Key).Except(parts, StringComparer.OrdinalIgnoreCase))
            _problems.Add($"{SiloSettings.Section}__{group}__{unknown}: there is no such setting{ClosestName.Hint(unknown, parts)}");
        string? certificate = File(nameof(TlsSettings.Certificate)), key = File(nameof(TlsSettings.Key));
        string? authority = File(nameof(TlsSettings.Authority));
        string? name = Text($"{group}:{nameof(TlsSettings.Name)}");
        if (name is not null && Uri.CheckHostName(name) != UriHostNameType.Dns)
            Reject($"{group}:{nameof(TlsSettings.Name)}", "give the DNS name in the certificates of the silos");
        if ((certificate ?? key ?? authority) is null) return null;
        if (certificate is null) Miss(nameof(TlsSettings.Certificate));
        if (authority is null) Miss(nameof(TlsSettings.Authority));
        return new() { Certificate = certificate, Key = key, Authority = authority ?? "", Name = name ?? TlsSettings.DefaultName, IsOfSilo = true };

        string? File(string part) => Text($"{group}:{part}") is { } path ? Path.GetFullPath(path) : null;

        void Miss(string part) => _problems.Add($"{SiloSettings.Section}__{group}__{part}: it is missing; TLS needs the certificate of the silo with its key, and the certificate of the authority");
    }

    private string? Checkpoints()
    {
        if (Text(nameof(SiloSettings.Checkpoints)) is not { } text) return null;
        try
        {
            return CheckpointPlaces.Normalized(text);
        }
        catch (SpikeformerException error)
        {
            Reject(nameof(SiloSettings.Checkpoints), error.Remedy);
            return null;
        }
    }

    private S3Settings S3()
    {
        const string name = nameof(SiloSettings.S3);
        _known.Add(name);
        foreach (string key in _section.GetSection(name).GetChildren().Select(child => child.Key).Except(S3Settings.Names, StringComparer.OrdinalIgnoreCase))
            _problems.Add($"{SiloSettings.Section}__{name}__{key}: there is no such setting{ClosestName.Hint(key, [.. S3Settings.Names])}");
        return S3Settings.Read(key => _section[$"{name}:{key}"]?.Trim(),
            (key, problem) => _problems.Add($"{SiloSettings.Section}__{name}__{key} = '{_section[$"{name}:{key}"]}': {problem}"));
    }

    private void RequireDifferent(params ReadOnlySpan<(string Key, int Port)> ports)
    {
        for (int i = 0; i < ports.Length; i++)
            for (int j = 0; j < i; j++)
                if (ports[i].Port == ports[j].Port && ports[i].Port != 0) Reject(ports[i].Key, $"{ports[j].Key} is the same port", $"{ports[i].Port}");
    }

    private void Reject(string key, string problem, string? value = null) =>
        _problems.Add($"{SiloSettings.Section}__{key.Replace(":", "__", StringComparison.Ordinal)} = '{value ?? _section[key]}': {problem}");

    private void ThrowIfAnyProblem()
    {
        foreach (string key in _section.GetChildren().Select(child => child.Key).Where(key => !_known.Contains(key, StringComparer.OrdinalIgnoreCase)))
            _problems.Add($"{SiloSettings.Section}__{key}: there is no such setting{ClosestName.Hint(key, _known)}");
        if (_problems.Count == 0) return;
        throw new SpikeformerException(ErrorKind.Usage,
            $"The silo has {_problems.Count} wrong setting{(_problems.Count == 1 ? "" : "s")}:\n  {string.Join("\n  ", _problems)}",
            "Give each as an option, as an environment variable, or in appsettings.json; the first of these takes precedence");
    }
}
