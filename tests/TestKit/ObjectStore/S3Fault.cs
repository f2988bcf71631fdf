namespace Spikeformer.TestKit.ObjectStore;

/// <summary>The faults of a store.</summary>
public enum S3Fault
{
    /// <summary>No fault.</summary>
    None,
    /// <summary>Answers 503 SlowDown without performing the request.</summary>
    Unavailable,
    /// <summary>Answers 429 without performing the request.</summary>
    TooMany,
    /// <summary>Answers 500 without performing the request.</summary>
    Internal,
    /// <summary>Answers 403 without performing the request.</summary>
    Forbidden,
    /// <summary>Closes the connection without performing the request.</summary>
    Drop,
    /// <summary>Performs the request and closes the connection without an answer.</summary>
    DropAnswer,
    /// <summary>Performs the request and closes the connection in the middle of the answer's body.</summary>
    HalfAnswer,
    /// <summary>Neither performs nor answers the request for as long as the client waits.</summary>
    Silence,
}
