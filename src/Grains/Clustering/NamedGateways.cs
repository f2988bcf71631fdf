using System.Net;
using System.Net.Sockets;
using Orleans.Messaging;

namespace Spikeformer.Clustering;

/// <summary>Gateways by host name, resolved anew at every refresh: silos that come back under another address are found again, and a name with
/// several addresses stands for several gateways.</summary>
/// <param name="gateways">Hosts and ports.</param>
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

    // A name that is unknown just now must not hide the others; Orleans tries again when none is left.
    private static async Task<IPEndPoint[]> ResolveAsync(DnsEndPoint gateway)
    {
        try
        {
            IPAddress[] addresses = await Dns.GetHostAddressesAsync(gateway.Host).ConfigureAwait(false);
            // A silo listens on one address: of a name for both families, such as localhost, the IPv4 one.
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
