using Spikeformer.Collectives.Frames;

namespace Spikeformer.Collectives.Links;

/// <summary>A link of two rings in shared memory, one in each direction, each with one writer and one reader.</summary>
internal sealed unsafe class SharedMemoryLink(SharedMemorySegment segment, Doorbell doorbell, int ownMember, int peerMember, Action ringByMessage) : Link
{
    // Copies of counters that only this side writes: frames written, frames received, and frames released to the peer.
    private long _written, _seen, _taken;

    public override bool TrySend(in FrameHeader header, byte* payload)
    {
        if (_written - Volatile.Read(ref *segment.Taken(ownMember, peerMember)) == SharedMemorySegment.Slots) return false;
        byte* slot = segment.Slot(ownMember, peerMember, _written);
        *(FrameHeader*)slot = header;
        ((FrameHeader*)slot)->SetChecksum();
        Buffer.MemoryCopy(payload, slot + FrameHeader.Bytes, header.Length, header.Length);
        Volatile.Write(ref *segment.Written(ownMember, peerMember), ++_written);
        doorbell.Ring(peerMember, ringByMessage);
        return true;
    }

    public override bool TryReceive(in FrameHeader due, byte* payload)
    {
        byte* held = TryHold(due);
        if (held == null) return false;
        Buffer.MemoryCopy(held, payload, due.Length, due.Length);
        Release();
        return true;
    }

    // One slot stays free, so that the peer can continue to write.
    public override bool CanHold(int frames) => frames < SharedMemorySegment.Slots;

    public override byte* TryHold(in FrameHeader due)
    {
        if (Next is not { } slot) return null;
        Check(due, *(FrameHeader*)slot);
        _seen++;
        BytesReceived += FrameHeader.Bytes + due.Length;
        return (byte*)slot + FrameHeader.Bytes;
    }

    public override void Release()
    {
        if (_taken == _seen) return;
        Volatile.Write(ref *segment.Taken(peerMember, ownMember), _taken = _seen);
        doorbell.Ring(peerMember, ringByMessage);
    }

    public override bool TryPeek(in FrameHeader sender, out FrameHeader header)
    {
        // Read once: a frame may arrive between two reads.
        nint? next = Next;
        header = next is { } slot ? *(FrameHeader*)slot : default;
        return next is not null;
    }

    // The mesh owns the segment.
    public override void Dispose()
    {
    }

    private nint? Next => Volatile.Read(ref *segment.Written(peerMember, ownMember)) > _seen ? (nint)segment.Slot(peerMember, ownMember, _seen) : null;
}
