using System.Net;
using Spikeformer.Clustering.Tls;
using Spikeformer.Silo.Settings;

namespace Spikeformer.Silo.Hosting;

/// <summary>Checks, before this silo becomes a member, that the other silos accept its TLS connections. Orleans would let it join anyway and place
/// grains on an unreachable silo, until the others vote it dead and it exits.</summary>
internal static class JoinCheck
{
    // Orleans connects to the membership table in RuntimeGrainServices and adds this silo to it in AfterRuntimeGrainServices.
    private const int Stage = (ServiceLifecycleStage.RuntimeGrainServices + ServiceLifecycleStage.AfterRuntimeGrainServices) / 2;

    // A silo without TLS logs the probe as a broken connection, so that only a few are probed.
    private const int ProbesWithoutTls = 2;

    /// <summary>Adds the check to the start of a silo, which fails (Unreachable) if another silo refuses it.</summary>
    public static void Use(ISiloBuilder silo, SiloSettings settings, TlsIdentity? tls) => silo.AddStartupTask(async (services, _) =>
    {
        MembershipTableData table = await services.GetRequiredService<IMembershipTable>().ReadAllAsync(CancellationToken.None);
        var own = new IPEndPoint(settings.AdvertisedAddress, settings.SiloPort);
        IPEndPoint[] others = [.. from row in table.Members
                                  where row.Item1.Status == SiloStatus.Active && !row.Item1.SiloAddress.Endpoint.Equals(own)
                                  orderby row.Item1.IAmAliveTime descending
                                  select row.Item1.SiloAddress.Endpoint];
        if (await TlsProbe.FirstRefusalAsync(tls is null ? others.Take(ProbesWithoutTls) : others, tls) is var (endpoint, refusal))
            throw new SpikeformerException(ErrorKind.Unreachable, $"The silo {endpoint} of the cluster {settings.ClusterId} {refusal.What}", refusal.Remedy);
    }, Stage);
}
