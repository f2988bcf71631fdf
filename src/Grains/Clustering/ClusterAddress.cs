using System.Globalization;
using System.Net;
using Spikeformer.Clustering.Tls;

namespace Spikeformer.Clustering;

/// <summary>Where a client finds a cluster: gateways by name, or the state directory of silos on the same machine. And how it shows itself there.</summary>
public sealed record ClusterAddress
{
    private ClusterAddress()
    {
    }

    /// <summary>Gateways, host names or addresses with ports; empty when <see cref="StateDirectory"/> is given.</summary>
    public IReadOnlyList<DnsEndPoint> Gateways { get; private init; } = [];

    /// <summary>State directory of the silos, absolute; null when <see cref="Gateways"/> are given.</summary>
    public string? StateDirectory { get; private init; }

    /// <summary>Name of the cluster, default <c>spikeformer</c>; a state directory knows its own.</summary>
    public string ClusterId { get; init; } = ClusterNames.DefaultId;

    /// <summary>Name of the service in the cluster, default <c>spikeformer</c>.</summary>
    public string ServiceId { get; init; } = ClusterNames.DefaultId;

    /// <summary>How a client shows who it is, where the cluster demands that; null for a cluster without TLS.</summary>
    public TlsSettings? Tls { get; init; }

    /// <summary>Reads <c>host:port[,host:port…]</c>; an IPv6 address stands in brackets.</summary>
    /// <param name="text">The list, as <c>--cluster</c> and <c>SPIKEFORMER_CLUSTER</c> hold it.</param>
    /// <exception cref="SpikeformerException">It is no such list (Usage).</exception>
    public static ClusterAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return parts.Length > 0
            ? new() { Gateways = [.. parts.Select(ParseGateway)] }
            : throw Malformed(text, "names no gateway");
    }

    /// <summary>The cluster whose silos keep their state in a directory of this machine.</summary>
    /// <param name="directory">The state directory.</param>
    public static ClusterAddress OfDirectory(string directory) => new() { StateDirectory = Path.GetFullPath(directory) };

    /// <summary>The address as messages show it.</summary>
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
        $"Give host:port, several separated by commas, for example silo-0:{ClusterNames.GatewayPort}");
}
