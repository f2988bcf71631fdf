namespace Spikeformer.Clustering.Tls;

/// <summary>Why the other side of a TLS connection was refused.</summary>
internal enum TlsRefusalCause
{
    /// <summary>It presented no certificate, did not speak TLS, or did not trust this side.</summary>
    NoCertificate,
    /// <summary>Its certificate is not signed by the authority.</summary>
    Untrusted,
    /// <summary>Its certificate is not yet valid, or has expired.</summary>
    OutOfDate,
    /// <summary>Its certificate is for another use, as a server's or a client's.</summary>
    WrongUse,
    /// <summary>Its certificate does not contain the name of silos.</summary>
    WrongName,
}

/// <summary>The problem of the other side's certificate.</summary>
/// <param name="Cause">The problem as a metric's label.</param>
/// <param name="What">The problem in words, to follow the name of the other side.</param>
internal sealed record TlsObjection(TlsRefusalCause Cause, string What);
