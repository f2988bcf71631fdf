using System.Globalization;
using System.Net;
using Spikeformer.Clustering.Tls;

namespace Spikeformer.Clustering;

/// <summary>Address of a cluster: its gateways, or the state directory of silos on the same machine. It includes the names of cluster and service, and the
/// client's TLS settings.</summary>
public sealed record ClusterAddress
{
    private ClusterAddress()
    {
    }

    /// <summary>Host names or IP addresses of gateways, with ports; empty when <see cref="StateDirectory"/> is given.</summary>
    public IReadOnlyList<DnsEndPoint> Gateways { get; private init; } = [];

    /// <summary>Absolute path of the silos' state directory; null when <see cref="Gateways"/> are given.</summary>
    public string? StateDirectory { get; private init; }

    /// <summary>Name of the cluster; default <c>spikeformer</c>. With a state directory, the name stored there is used instead.</summary>
    public string ClusterId { get; init; } = ClusterNames.DefaultId;

    /// <summary>Name of the service in the cluster; default <c>spikeformer</c>.</summary>
    public string ServiceId { get; init; } = ClusterNames.DefaultId;

    /// <summary>The client's certificate files; null for a cluster without TLS, which is the default.</summary>
    public TlsSettings? Tls { get; init; }

    /// <summary>Reads a list <c>host:port[,host:port…]</c>. An IPv6 address is written in brackets.</summary>
    /// <param name="text">The list, as in <c>--cluster</c> and <c>SPIKEFORMER_CLUSTER</c>.</param>
    /// <exception cref="SpikeformerException">The text is not such a list (Usage).</exception>
    public static ClusterAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return parts.Length > 0
            ? new() { Gateways = [.. parts.Select(ParseGateway)] }
            : throw Malformed(text, "names no gateway");
    }

    /// <summary>Returns the address of the cluster whose silos keep their state in a directory of this machine.</summary>
    /// <param name="directory">The state directory.</param>
    public static ClusterAddress OfDirectory(string directory) => new() { StateDirectory = Path.GetFullPath(directory) };

    /// <summary>Returns the address as messages show it.</summary>
    public override string ToString() => StateDirectory ?? string.Join(',', Gateways.Select(gateway => $"{gateway.Host}:{gateway.Port}"));

    private static DnsEndPoint ParseGateway(string part)
    {
        int colon = part.LastIndexOf(':');
        if (colon <= 0) throw Malformed(part, "has no port");
        string host = part[..colon];
        bool bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (!bracketed && host.Contains(':')) throw Malformed(part, "is an IPv6 address without brackets");
        if (Uri.CheckHostName(host) == UriHostNameType.Unknown) throw Malformed(part, "has no host name or address");
        if (!ushort.TryParse(part.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0)
            throw Malformed(part, "has no port from 1 to 65535");
        return new(bracketed ? host[1..^1] : host, port);
    }

    private static SpikeformerException Malformed(string text, string why) => new(ErrorKind.Usage, $"The cluster address '{text}' {why}",
        $"Give host:port, or several separated by commas, for example silo-0:{ClusterNames.GatewayPort}");
}
