using System.Runtime.InteropServices;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Links;

namespace Spikeformer.Collectives.Transfers;

/// <summary>Sleeps on the connections of all peers.</summary>
internal sealed unsafe class PeerPoll(IReadOnlyList<Peer> peers) : IDisposable
{
    private readonly Native.PollEntry* _entries =
        (Native.PollEntry*)NativeMemory.AllocZeroed((nuint)(2 * Math.Max(1, peers.Count)), (nuint)sizeof(Native.PollEntry));

    /// <summary>Waits until a peer's link can move what the current transfer waits for, a control connection has something to read, or the time has
    /// passed.</summary>
    /// <returns>Whether a control connection has something to read.</returns>
    public bool HasControlFrames(int milliseconds)
    {
        int count = 0;
        foreach (Peer peer in peers)
        {
            int wanted = (peer.AwaitsReceive ? Native.PollIn : 0) | (peer.AwaitsSend ? Native.PollOut : 0);
            _entries[count++] = new() { Descriptor = wanted == 0 ? -1 : peer.Link.PollDescriptor, Wanted = (short)wanted };
            _entries[count++] = new() { Descriptor = peer.HasEnded ? -1 : peer.Control.PollDescriptor, Wanted = Native.PollIn };
        }
        if (Native.poll(_entries, (nuint)count, milliseconds) <= 0) return false;
        for (int i = 1; i < count; i += 2)
            if (_entries[i].Happened != 0) return true;
        return false;
    }

    public void Dispose() => NativeMemory.Free(_entries);
}
