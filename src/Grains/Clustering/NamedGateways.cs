using System.Net;
using System.Net.Sockets;
using Orleans.Messaging;

namespace Spikeformer.Clustering;

/// <summary>Gateways by host name. Names are resolved again at every refresh, so silos that restart with another address are found. A name with several
/// addresses stands for several gateways.</summary>
internal sealed class NamedGateways(IReadOnlyList<DnsEndPoint> gateways) : IGatewayListProvider
{
    public TimeSpan MaxStaleness { get; } = TimeSpan.FromSeconds(5);

    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    public async Task<IList<Uri>> GetGateways()
    {
        IPEndPoint[][] resolved = await Task.WhenAll(gateways.Select(ResolveAsync)).ConfigureAwait(false);
        return [.. resolved.SelectMany(endpoints => endpoints).Distinct().Select(endpoint => endpoint.ToGatewayUri())];
    }

    // A name that is momentarily unknown must not hide the others. Orleans tries again when no gateway is left.
    private static async Task<IPEndPoint[]> ResolveAsync(DnsEndPoint gateway)
    {
        try
        {
            IPAddress[] addresses = await Dns.GetHostAddressesAsync(gateway.Host).ConfigureAwait(false);
            // A silo listens on one address. If a name has addresses of both families, as localhost does, it is the IPv4 one.
            AddressFamily family = addresses.Any(address => address.AddressFamily == AddressFamily.InterNetwork)
                ? AddressFamily.InterNetwork
                : AddressFamily.InterNetworkV6;
            return [.. addresses.Where(address => address.AddressFamily == family).Select(address => new IPEndPoint(address, gateway.Port))];
        }
        catch (SocketException)
        {
            return [];
        }
    }
}
