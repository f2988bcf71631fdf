using System.Net;
using Microsoft.AspNetCore.Connections;
using Orleans.Configuration;
using Spikeformer.Clustering.Tls;
using Spikeformer.Diagnostics;
using Spikeformer.Metrics;

namespace Spikeformer.Silo.Hosting;

/// <summary>TLS on all connections of a silo: it demands certificates from silos and clients and shows its own. Refusals are counted, and logged once
/// a minute.</summary>
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

    /// <summary>Configures TLS on a silo.</summary>
    public static void Use(ISiloBuilder silo, TlsIdentity identity)
    {
        silo.Services.AddSingleton(identity);
        silo.Services.AddSingleton<SiloTls>();
        silo.Services.AddOptions<SiloConnectionOptions>().Configure<SiloTls>((options, tls) =>
        {
            void RefuseSilo(ConnectionContext? context, TlsObjection objection) => tls.Refuse("silo", context, objection);
            void RefuseClient(ConnectionContext? context, TlsObjection objection) => tls.Refuse("client", context, objection);
            options.ConfigureSiloInboundConnection(connections => connections.UseTlsFrom(identity, mustBeSilo: true, RefuseSilo));
            options.ConfigureGatewayInboundConnection(connections => connections.UseTlsFrom(identity, mustBeSilo: false, RefuseClient));
            options.ConfigureSiloOutboundConnection(connections => connections.UseTlsTo(identity, RefuseSilo));
        });
    }

    private void Refuse(string peer, ConnectionContext? context, TlsObjection objection)
    {
        _series.Add(Catalogue.TlsRefused, 1, objection.Cause.ToString());
        string address = context?.RemoteEndPoint switch
        {
            IPEndPoint endpoint => endpoint.Address.ToString(),
            { } other => other.ToString()!,
            null => "unknown",
        };
        if (_throttle.IsDue($"{peer} {address} {objection.Cause}", out long before))
            LogRefused(peer, address, objection.What, before == 0 ? "" : $"; {before} more since the last such line");
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused a {Peer} at {Address}: {Objection}{More}")]
    private partial void LogRefused(string peer, string address, string objection, string more);

    [LoggerMessage(Level = LogLevel.Error, Message = "The new TLS files cannot be used, and the previous ones remain in use: {Problem}")]
    private partial void LogUnusable(string problem);
}
