using System.Net;
using Spikeformer.Clustering.Tls;
using Spikeformer.Silo.Settings;

namespace Spikeformer.Silo.Hosting;

/// <summary>Asks the cluster's silos, before this one becomes a member, whether they would talk to it as far as TLS goes. Orleans lets it join all the
/// same: grains would be placed on a silo that nobody reaches, until the others vote it out and it kills itself.</summary>
internal static class JoinCheck
{
    // Orleans connects to the table in RuntimeGrainServices and shows this silo in it in AfterRuntimeGrainServices.
    private const int Stage = (ServiceLifecycleStage.RuntimeGrainServices + ServiceLifecycleStage.AfterRuntimeGrainServices) / 2;

    // A silo without TLS takes the question for a broken connection: few are bothered with it.
    private const int AskedInTheClear = 2;

    /// <summary>Adds the check to a silo's start, which then fails as Unreachable.</summary>
    public static void Use(ISiloBuilder silo, SiloSettings settings, TlsIdentity? tls) => silo.AddStartupTask(async (services, _) =>
    {
        MembershipTableData table = await services.GetRequiredService<IMembershipTable>().ReadAllAsync(CancellationToken.None);
        var own = new IPEndPoint(settings.AdvertisedAddress, settings.SiloPort);
        IPEndPoint[] others = [.. from row in table.Members
                                  where row.Item1.Status == SiloStatus.Active && !row.Item1.SiloAddress.Endpoint.Equals(own)
                                  orderby row.Item1.IAmAliveTime descending
                                  select row.Item1.SiloAddress.Endpoint];
        if (await TlsProbe.FirstRefusalAsync(tls is null ? others.Take(AskedInTheClear) : others, tls) is var (endpoint, refusal))
            throw new SpikeformerException(ErrorKind.Unreachable, $"The silo {endpoint} of the cluster {settings.ClusterId} {refusal.What}", refusal.Remedy);
    }, Stage);
}
