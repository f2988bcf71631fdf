using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Orleans.Connections.Security;

namespace Spikeformer.Clustering.Tls;

/// <summary>TLS on the connections that Orleans makes. Both sides always show a certificate.</summary>
internal static class TlsConnections
{
    /// <summary>Connections to silos and gateways.</summary>
    /// <param name="connections">What Orleans builds them with.</param>
    /// <param name="identity">How this process shows who it is.</param>
    /// <param name="refused">Hears of silos that are not believed.</param>
    public static void UseTlsTo(this IConnectionBuilder connections, TlsIdentity identity, Action<ConnectionContext?, TlsObjection>? refused = null)
    {
        var connecting = new AsyncLocal<ConnectionContext?>();
        connections.UseClientTls(new()
        {
            RemoteCertificateMode = RemoteCertificateMode.RequireCertificate,
            RemoteCertificateValidation = (certificate, chain, errors) =>
            {
                TlsObjection? objection = identity.ObjectionTo(certificate, chain, errors, mustBeSilo: true);
                if (objection is not null) refused?.Invoke(connecting.Value, objection);
                return objection is null;
            },
            OnAuthenticateAsClient = (context, options) =>
            {
                connecting.Value = context;
                identity.Apply((SslClientAuthenticationOptions)options.SslClientAuthenticationOptions);
            },
        });
    }

    /// <summary>Connections that others make to this silo.</summary>
    /// <param name="connections">What Orleans builds them with.</param>
    /// <param name="identity">How this silo shows who it is.</param>
    /// <param name="mustBeSilo">Whether only silos may come, not clients.</param>
    /// <param name="refused">Hears of each connection that is refused.</param>
    public static void UseTlsFrom(this IConnectionBuilder connections, TlsIdentity identity, bool mustBeSilo, Action<ConnectionContext, TlsObjection> refused)
    {
        var attempts = new AsyncLocal<Attempt?>();
        connections.Use(next => async context =>
        {
            var attempt = new Attempt();
            attempts.Value = attempt;
            try
            {
                await next(context).ConfigureAwait(false);
            }
            finally
            {
                if (!attempt.IsIn)
                    refused(context, attempt.Objection
                        ?? new(TlsRefusalCause.NoCertificate, "it shows no certificate, speaks no TLS, or does not believe this silo's certificate"));
            }
        });
        connections.UseServerTls(new()
        {
            // Never used: each connection takes the one that the files hold then.
            LocalCertificate = identity.Current.Own!.TargetCertificate,
            RemoteCertificateMode = RemoteCertificateMode.RequireCertificate,
            RemoteCertificateValidation = (certificate, chain, errors) =>
            {
                TlsObjection? objection = identity.ObjectionTo(certificate, chain, errors, mustBeSilo);
                if (attempts.Value is { } attempt) attempt.Objection = objection;
                return objection is null;
            },
            OnAuthenticateAsServer = (_, options) => identity.Apply((SslServerAuthenticationOptions)options.SslServerAuthenticationOptions),
        });
        connections.Use(next => context =>
        {
            if (attempts.Value is { } attempt) attempt.IsIn = true;
            return next(context);
        });
    }

    /// <summary>A connection on its way through the handshake.</summary>
    private sealed class Attempt
    {
        public volatile bool IsIn;
        public volatile TlsObjection? Objection;
    }
}
