using System.Net;
using Microsoft.AspNetCore.Connections;
using Orleans.Configuration;
using Spikeformer.Clustering.Tls;
using Spikeformer.Diagnostics;
using Spikeformer.Metrics;

namespace Spikeformer.Silo.Hosting;

/// <summary>TLS on all connections of a silo: it demands certificates of silos and clients, and shows its own. Who is refused is counted, and told
/// once a minute.</summary>
internal sealed partial class SiloTls
{
    private readonly ILogger<SiloTls> _logger;
    private readonly SeriesGroup _series = SeriesStore.OfThisProcess.OfSilo();
    private readonly LogThrottle _throttle = new(TimeProvider.System);

    public SiloTls(TlsIdentity identity, ILogger<SiloTls> logger)
    {
        _logger = logger;
        identity.Unusable = LogUnusable;
        _series.Begin();
        foreach (TlsRefusalCause cause in Enum.GetValues<TlsRefusalCause>()) _series.Add(Catalogue.TlsRefused, 0, cause.ToString());
    }

    /// <summary>Switches it on.</summary>
    public static void Use(ISiloBuilder silo, TlsIdentity identity)
    {
        silo.Services.AddSingleton(identity);
        silo.Services.AddSingleton<SiloTls>();
        silo.Services.AddOptions<SiloConnectionOptions>().Configure<SiloTls>((options, tls) =>
        {
            void RefuseSilo(ConnectionContext? context, TlsObjection why) => tls.Refuse("silo", context, why);
            void RefuseClient(ConnectionContext? context, TlsObjection why) => tls.Refuse("client", context, why);
            options.ConfigureSiloInboundConnection(connections => connections.UseTlsFrom(identity, mustBeSilo: true, RefuseSilo));
            options.ConfigureGatewayInboundConnection(connections => connections.UseTlsFrom(identity, mustBeSilo: false, RefuseClient));
            options.ConfigureSiloOutboundConnection(connections => connections.UseTlsTo(identity, RefuseSilo));
        });
    }

    private void Refuse(string what, ConnectionContext? context, TlsObjection why)
    {
        _series.Add(Catalogue.TlsRefused, 1, why.Cause.ToString());
        string where = context?.RemoteEndPoint switch
        {
            IPEndPoint endpoint => endpoint.Address.ToString(),
            { } other => other.ToString()!,
            null => "unknown",
        };
        if (_throttle.IsDue($"{what} {where} {why.Cause}", out long before))
            LogRefused(what, where, why.What, before == 0 ? "" : $"; {before} times more since the last such line");
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused a {What} at {Where}: {Why}{More}")]
    private partial void LogRefused(string what, string where, string why, string more);

    [LoggerMessage(Level = LogLevel.Error, Message = "The new TLS files are not used, those before stay in force: {Problem}")]
    private partial void LogUnusable(string problem);
}
