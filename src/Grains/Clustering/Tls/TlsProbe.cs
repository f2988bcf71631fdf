using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Spikeformer.Clustering.Tls;

/// <summary>Why a silo and this process do not come together, as far as TLS is the reason.</summary>
/// <param name="What">What the silo did, behind its address.</param>
/// <param name="Remedy">What to do.</param>
internal sealed record TlsRefusal(string What, string Remedy);

/// <summary>Asks a silo by a handshake why it cannot be talked to. Orleans only says that a connection was closed.</summary>
internal static class TlsProbe
{
    // One that refuses hangs up at once after the handshake; one that does not says nothing, and is not waited for any longer.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5), s_hangUp = TimeSpan.FromSeconds(2);

    /// <summary>Tries some endpoints, and tells the first one's reason.</summary>
    /// <param name="endpoints">Ports of silos or gateways.</param>
    /// <param name="identity">How this process shows who it is; null without TLS.</param>
    /// <returns>The endpoint and its reason, or null when TLS is none.</returns>
    public static async Task<(IPEndPoint Endpoint, TlsRefusal Refusal)?> FirstRefusalAsync(IEnumerable<IPEndPoint> endpoints, TlsIdentity? identity)
    {
        const int some = 8;
        foreach ((IPEndPoint endpoint, TlsRefusal? refusal) in await Task.WhenAll(
            endpoints.Take(some).Select(async endpoint => (endpoint, await RefusalAsync(endpoint, identity).ConfigureAwait(false)))).ConfigureAwait(false))
            if (refusal is not null) return (endpoint, refusal);
        return null;
    }

    /// <summary>The reason of one.</summary>
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
            return null; // nobody is there, or it takes its time: no matter of TLS
        }
    }

    private static async Task<TlsRefusal?> AskPlainlyAsync(Stream wire, CancellationToken cancellation)
    {
        await using var tls = new SslStream(wire);
        try
        {
            // Nothing is sent to it; the question is only whether it speaks TLS.
            var options = new SslClientAuthenticationOptions { TargetHost = TlsSettings.DefaultName, RemoteCertificateValidationCallback = (_, _, _, _) => true };
            await tls.AuthenticateAsClientAsync(options, cancellation).ConfigureAwait(false);
        }
        catch (AuthenticationException)
        {
            return null;
        }
        return new("demands TLS, and this side has no certificate", Remedy);
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
                ? new($"is not believed: {seen.What}", $"Check {identity.Settings.NameOf(nameof(TlsSettings.Authority))}, and the certificate of that silo")
                : new("does not answer in TLS", "Switch TLS on there as well, or off here");
        }
        using var hangUp = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        hangUp.CancelAfter(s_hangUp);
        try
        {
            if (await tls.ReadAsync(new byte[1], hangUp.Token).ConfigureAwait(false) > 0) return null;
        }
        catch (IOException)
        {
            // Hung up without a goodbye.
        }
        return identity.Settings.Certificate is { } file
            ? new($"refuses the certificate in {file}",
                "Use one that the cluster's authority has signed and that is valid now; the silo's log says what is wrong with this one")
            : new("demands a certificate, and this side has none", Remedy);
    }

    private const string Remedy = "Give certificate, key and authority: SPIKEFORMER_TLS_CERTIFICATE, SPIKEFORMER_TLS_KEY and SPIKEFORMER_TLS_AUTHORITY of a client, "
        + "Spikeformer__Tls__Certificate and so on of a silo";
}
