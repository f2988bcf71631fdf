namespace Spikeformer.TestKit.ObjectStore;

/// <summary>What a store does instead of answering.</summary>
public enum S3Fault
{
    /// <summary>Nothing: it answers.</summary>
    None,
    /// <summary>503 SlowDown, and does nothing.</summary>
    Unavailable,
    /// <summary>429, and does nothing.</summary>
    TooMany,
    /// <summary>500, and does nothing.</summary>
    Internal,
    /// <summary>403, and does nothing.</summary>
    Forbidden,
    /// <summary>Closes the connection, and does nothing.</summary>
    Drop,
    /// <summary>Does what it was asked to, and closes the connection without an answer.</summary>
    DropAnswer,
    /// <summary>Does what it was asked to, and closes the connection in the middle of the answer's body.</summary>
    HalfAnswer,
    /// <summary>Does nothing, for as long as the client waits.</summary>
    Silence,
}
