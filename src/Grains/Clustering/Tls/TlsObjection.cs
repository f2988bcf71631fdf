namespace Spikeformer.Clustering.Tls;

/// <summary>Why the other side of a TLS connection was refused.</summary>
internal enum TlsRefusalCause
{
    /// <summary>It showed no certificate, spoke no TLS, or did not believe us.</summary>
    NoCertificate,
    /// <summary>Its certificate is not signed by the authority.</summary>
    Untrusted,
    /// <summary>Its certificate is not valid yet, or no longer.</summary>
    OutOfDate,
    /// <summary>Its certificate is for another use, a server's or a client's.</summary>
    WrongUse,
    /// <summary>Its certificate is no silo's.</summary>
    WrongName,
}

/// <summary>What is wrong with a certificate.</summary>
/// <param name="Cause">In a word.</param>
/// <param name="What">For people: follows the name of whoever showed it.</param>
internal sealed record TlsObjection(TlsRefusalCause Cause, string What);
