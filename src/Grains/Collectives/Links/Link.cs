using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Collectives.Links;

/// <summary>A frame or connection that ends the generation, as a link sees it: it does not know the others.</summary>
internal sealed class LinkException(PeerLossReason reason, string what, RejectionCause? cause = null) : Exception(what)
{
    public PeerLossReason Reason { get; } = reason;
    public RejectionCause? Cause { get; } = cause;
}

/// <summary>The way of the data to and from one peer: frames in order, never waiting. Used by one thread at a time.</summary>
internal abstract unsafe class Link : IDisposable
{
    /// <summary>Bytes that have come in so far, for whoever watches progress.</summary>
    public long BytesReceived { get; protected set; }

    /// <summary>Hands over as much of a frame as the way takes.</summary>
    /// <returns>Whether all of it is gone; if not, call again with the same frame.</returns>
    public abstract bool TrySend(in FrameHeader header, byte* payload);

    /// <summary>Takes in as much as has come of the frame that is due.</summary>
    /// <param name="due">The frame that is due.</param>
    /// <param name="payload">Where its payload goes.</param>
    /// <returns>Whether all of it is here; if not, call again with the same arguments.</returns>
    /// <exception cref="LinkException">Another frame came, or the connection ended.</exception>
    public abstract bool TryReceive(in FrameHeader due, byte* payload);

    /// <summary>Whether <see cref="TryHold"/> works for so many frames at once.</summary>
    public virtual bool CanHold(int frames) => false;

    /// <summary>As <see cref="TryReceive"/>, but leaves the payload where it is.</summary>
    /// <returns>The payload, valid until <see cref="Release"/>, or null while the frame has not come. Nothing else may be received while
    /// frames are held.</returns>
    public virtual byte* TryHold(in FrameHeader due) => throw new NotSupportedException();

    /// <summary>Gives all held frames back.</summary>
    public virtual void Release()
    {
    }

    /// <summary>The header of the next frame, or false while none has come. Only its sender is checked.</summary>
    public abstract bool TryPeek(in FrameHeader sender, out FrameHeader header);

    /// <summary>What to poll for more, or -1 where a doorbell rings.</summary>
    public virtual int PollDescriptor => -1;

    /// <summary>Ends the way at once, so that the peer sees it; from any thread.</summary>
    public virtual void Shutdown()
    {
    }

    public abstract void Dispose();

    protected static void Check(in FrameHeader due, in FrameHeader header)
    {
        if (header.DifferenceFrom(due) is { } cause)
            throw new LinkException(PeerLossReason.WrongFrame, $"sent a frame that is refused ({cause}) where {due.Kind} of step {due.Step} was due", cause);
    }
}
