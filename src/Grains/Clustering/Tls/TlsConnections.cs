using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Orleans.Connections.Security;

namespace Spikeformer.Clustering.Tls;

/// <summary>Adds TLS to Orleans' connections. Both sides always present a certificate.</summary>
internal static class TlsConnections
{
    /// <summary>Adds TLS to outgoing connections, to silos and gateways.</summary>
    /// <param name="connections">Orleans' builder.</param>
    /// <param name="identity">This process's identity.</param>
    /// <param name="refused">Called for silos that are not trusted.</param>
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

    /// <summary>Adds TLS to incoming connections.</summary>
    /// <param name="connections">Orleans' builder.</param>
    /// <param name="identity">This silo's identity.</param>
    /// <param name="mustBeSilo">Whether only silos may connect, and not clients.</param>
    /// <param name="refused">Called for each refused connection.</param>
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
                if (!attempt.HasSucceeded)
                    refused(context, attempt.Objection
                        ?? new(TlsRefusalCause.NoCertificate, "it presents no certificate, does not speak TLS, or does not trust this silo's certificate"));
            }
        });
        connections.UseServerTls(new()
        {
            // Required but not used: each connection takes the certificate that the files contain at that time.
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
            if (attempts.Value is { } attempt) attempt.HasSucceeded = true;
            return next(context);
        });
    }

    /// <summary>A connection in its handshake.</summary>
    private sealed class Attempt
    {
        public volatile bool HasSucceeded;
        public volatile TlsObjection? Objection;
    }
}
