using System.Net;
using Orleans.Messaging;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>The gateways on a worker's own host if there are any, else all. A client spreads its calls over all gateways that it knows. A worker would
/// therefore depend on the network to hosts that have no part in its run, and count as lost when one of them cannot be reached.</summary>
internal sealed class NearGateways(IGatewayListProvider all, IPAddress host) : IGatewayListProvider
{
    public TimeSpan MaxStaleness => all.MaxStaleness;

    public bool IsUpdatable => true;

    /// <summary>Puts itself in front of a client's present provider.</summary>
    public static void Prefer(IServiceCollection services, IPAddress host)
    {
        ServiceDescriptor all = services.Last(service => service.ServiceType == typeof(IGatewayListProvider));
        services.AddSingleton<IGatewayListProvider>(provider => new NearGateways((IGatewayListProvider)(all.ImplementationInstance
            ?? all.ImplementationFactory?.Invoke(provider) ?? ActivatorUtilities.CreateInstance(provider, all.ImplementationType!)), host));
    }

    public Task InitializeGatewayListProvider() => all.InitializeGatewayListProvider();

    public async Task<IList<Uri>> GetGateways()
    {
        IList<Uri> gateways = await all.GetGateways().ConfigureAwait(false);
        Uri[] near = [.. gateways.Where(gateway => gateway.ToGatewayAddress()?.Endpoint.Address.Equals(host) ?? false)];
        return near.Length > 0 ? near : gateways;
    }
}
