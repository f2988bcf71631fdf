using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Spikeformer.Clustering.Tls;

/// <summary>Why TLS prevents a connection between this process and a silo.</summary>
/// <param name="What">What happened, to follow the silo's address.</param>
/// <param name="Remedy">What the user can do.</param>
internal sealed record TlsRefusal(string What, string Remedy);

/// <summary>Finds out with a handshake why a silo cannot be reached. Orleans only reports that a connection was closed.</summary>
internal static class TlsProbe
{
    // A silo that refuses hangs up immediately after the handshake. One that accepts stays silent, so the wait is short.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5), s_hangUp = TimeSpan.FromSeconds(2);

    /// <summary>Tries some endpoints and returns the first refusal.</summary>
    /// <param name="endpoints">Endpoints of silos or gateways.</param>
    /// <param name="identity">This process's identity; null without TLS.</param>
    /// <returns>The endpoint and its refusal, or null if TLS is not the reason.</returns>
    public static async Task<(IPEndPoint Endpoint, TlsRefusal Refusal)?> FirstRefusalAsync(IEnumerable<IPEndPoint> endpoints, TlsIdentity? identity)
    {
        const int some = 8;
        foreach ((IPEndPoint endpoint, TlsRefusal? refusal) in await Task.WhenAll(
            endpoints.Take(some).Select(async endpoint => (endpoint, await RefusalAsync(endpoint, identity).ConfigureAwait(false)))).ConfigureAwait(false))
            if (refusal is not null) return (endpoint, refusal);
        return null;
    }

    /// <summary>Returns an endpoint's refusal, or null if TLS is not the reason.</summary>
    public static async Task<TlsRefusal?> RefusalAsync(IPEndPoint endpoint, TlsIdentity? identity)
    {
        using var patience = new CancellationTokenSource(s_patience);
        using var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(endpoint, patience.Token).ConfigureAwait(false);
            await using var wire = new NetworkStream(socket);
            return identity is null
                ? await AskPlainlyAsync(wire, patience.Token).ConfigureAwait(false)
                : await AskAsync(wire, identity, patience.Token).ConfigureAwait(false);
        }
        catch (Exception unknown) when (unknown is SocketException or IOException or OperationCanceledException)
        {
            return null; // the endpoint is down or slow, which has nothing to do with TLS
        }
    }

    private static async Task<TlsRefusal?> AskPlainlyAsync(Stream wire, CancellationToken cancellation)
    {
        await using var tls = new SslStream(wire);
        try
        {
            // The question is only whether the silo speaks TLS; no data is sent.
            var options = new SslClientAuthenticationOptions { TargetHost = TlsSettings.DefaultName, RemoteCertificateValidationCallback = (_, _, _, _) => true };
            await tls.AuthenticateAsClientAsync(options, cancellation).ConfigureAwait(false);
        }
        catch (AuthenticationException)
        {
            return null;
        }
        return new("requires TLS, but no certificate was given", Remedy);
    }

    private static async Task<TlsRefusal?> AskAsync(Stream wire, TlsIdentity identity, CancellationToken cancellation)
    {
        TlsObjection? objection = null;
        await using var tls = new SslStream(wire);
        var options = new SslClientAuthenticationOptions
        {
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                (objection = identity.ObjectionTo(certificate as X509Certificate2, chain, errors, mustBeSilo: true)) is null,
        };
        identity.Apply(options);
        try
        {
            await tls.AuthenticateAsClientAsync(options, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is AuthenticationException or IOException)
        {
            return objection is { } seen
                ? new($"is not trusted: {seen.What}", $"Check {identity.Settings.NameOf(nameof(TlsSettings.Authority))} and the certificate of that silo")
                : new("does not use TLS", "Switch TLS on there as well, or off here");
        }
        using var hangUp = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        hangUp.CancelAfter(s_hangUp);
        try
        {
            if (await tls.ReadAsync(new byte[1], hangUp.Token).ConfigureAwait(false) > 0) return null;
        }
        catch (IOException)
        {
            // The silo hung up without closing TLS.
        }
        return identity.Settings.Certificate is { } file
            ? new($"refuses the certificate in {file}",
                "Use one that the cluster's authority has signed and that is valid now; the silo's log says why it refused this one")
            : new("requires a certificate, but none was given", Remedy);
    }

    private const string Remedy = "Give certificate, key and authority: SPIKEFORMER_TLS_CERTIFICATE, SPIKEFORMER_TLS_KEY and SPIKEFORMER_TLS_AUTHORITY for a client, "
        + "Spikeformer__Tls__Certificate, __Key and __Authority for a silo";
}
