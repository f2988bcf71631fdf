using Spikeformer.Collectives.Frames;

namespace Spikeformer.Collectives.Links;

/// <summary>A failure of one link. The message has no subject: the catcher puts the peer's name before it.</summary>
internal sealed class LinkException(PeerLossReason reason, string what, RejectionCause? cause = null) : Exception(what)
{
    public PeerLossReason Reason { get; } = reason;
    public RejectionCause? Cause { get; } = cause;
}

/// <summary>Carries data frames to and from one peer, in order and without waiting. Used by one thread at a time.</summary>
internal abstract unsafe class Link : IDisposable
{
    /// <summary>Bytes received so far. They show the peer's progress.</summary>
    public long BytesReceived { get; protected set; }

    /// <summary>Sends as much of a frame as the link accepts now.</summary>
    /// <returns>True if the whole frame was sent. Otherwise call again with the same frame.</returns>
    public abstract bool TrySend(in FrameHeader header, byte* payload);

    /// <summary>Receives as much of the expected frame as has arrived.</summary>
    /// <param name="due">Header of the expected frame.</param>
    /// <param name="payload">Receives the payload.</param>
    /// <returns>True if the whole frame has arrived. Otherwise call again with the same arguments.</returns>
    /// <exception cref="LinkException">Another frame arrived, or the connection ended.</exception>
    public abstract bool TryReceive(in FrameHeader due, byte* payload);

    /// <summary>Whether <see cref="TryHold"/> can hold that many frames at once.</summary>
    public virtual bool CanHold(int frames) => false;

    /// <summary>Receives the expected frame as <see cref="TryReceive"/> does, but leaves the payload in place.</summary>
    /// <returns>The payload, valid until <see cref="Release"/>, or null if the frame has not arrived. Nothing else may be received while frames
    /// are held.</returns>
    public virtual byte* TryHold(in FrameHeader due) => throw new NotSupportedException();

    /// <summary>Releases all held frames.</summary>
    public virtual void Release()
    {
    }

    /// <summary>Reads the header of the next frame without taking it; returns false if none has arrived. Only the sender is checked.</summary>
    public abstract bool TryPeek(in FrameHeader sender, out FrameHeader header);

    /// <summary>The descriptor to poll, or -1 for a link with a doorbell.</summary>
    public virtual int PollDescriptor => -1;

    /// <summary>Ends the link at once and visibly for the peer; from any thread.</summary>
    public virtual void Shutdown()
    {
    }

    public abstract void Dispose();

    protected static void Check(in FrameHeader due, in FrameHeader header)
    {
        if (header.DifferenceFrom(due) is { } cause)
            throw new LinkException(PeerLossReason.WrongFrame, $"sent a frame that was refused ({cause}): {due.Kind} of step {due.Step} was expected", cause);
    }
}
