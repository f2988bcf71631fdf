using System.Net.Sockets;
using System.Runtime.InteropServices;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;
using Spikeformer.Collectives.Plan;
using Spikeformer.Collectives.Transfers;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives.Fuzz;

/// <summary>Tens of thousands of unexpected frames. Each is refused for its own cause and counted. None makes the reader throw another exception, write
/// outside of the payload, or allocate what a header claims. Together with <see cref="HandshakeFuzzTests"/> these are 100,000 cases.</summary>
public sealed unsafe class FrameFuzzTests
{
    private const int Seed = 20261126, DataCases = 45_000, ControlCases = 45_000;
    // A refusal allocates exceptions and messages, and an accepted frame nothing. A header may claim 4 GiB.
    private const long MaxAllocated = 64 << 10;

    [Fact]
    public void Unexpected_data_frames_are_refused_and_counted_and_harm_nothing()
    {
        const int maxPayload = 600, guard = 256;
        var random = new Random(Seed);
        using var buffer = new Buffer(guard + maxPayload + guard);
        using var rig = new Rig();
        var expected = new long[Enum.GetValues<RejectionCause>().Length];
        for (int i = 0; i < DataCases; i++)
        {
            FrameCase one = FrameCase.Data(random, maxPayload);
            using var pair = new SocketPair();
            rig.Peer.Link = new TcpLink(pair.Near, hashes: true);
            pair.Far.Send(one.Bytes);
            if (one.Fault is FrameFault.Truncated) pair.Far.Dispose();
            buffer.Fill();
            long before = GC.GetAllocatedBytesForCurrentThread();
            PeerLostException? lost = rig.Receive(one.Due, buffer.Start + guard, wasCut: one.Fault is FrameFault.Truncated);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

            string place = $"case {i}, {one.Fault} of {one.Due.Kind}";
            Assert.True(allocated < MaxAllocated, $"{place}: {allocated} bytes were allocated");
            Assert.True(buffer.IsFilled(0, guard) && buffer.IsFilled(guard + (int)one.Due.Length, guard + maxPayload - (int)one.Due.Length), $"{place}: bytes beside the payload were written");
            PeerLossReason? reason = one.Cause is not null ? PeerLossReason.WrongFrame : one.Fault is FrameFault.Truncated ? PeerLossReason.Closed : null;
            Assert.True(reason == lost?.PeerLoss.Reason, $"{place}: {lost}");
            if (reason is null) Assert.True(new Span<byte>(buffer.Start + guard, (int)one.Due.Length).SequenceEqual(one.Bytes.AsSpan(FrameHeader.Bytes)), place);
            if (one.Cause is { } cause) expected[(int)cause]++;
            rig.Peer.Link.Dispose();
        }
        Assert.Equal(expected, Enum.GetValues<RejectionCause>().Select(cause => rig.Rejections[cause]));
        Assert.All([RejectionCause.Malformed, RejectionCause.WrongRun, RejectionCause.WrongGeneration, RejectionCause.WrongIncarnation, RejectionCause.WrongStep,
            RejectionCause.WrongFrame, RejectionCause.WrongLength, RejectionCause.DamagedPayload], cause => Assert.True(expected[(int)cause] > 1000, $"{cause}"));
    }

    [Fact]
    public void Control_frames_of_strangers_are_refused_and_those_of_members_are_read()
    {
        var random = new Random(Seed);
        for (int i = 0; i < ControlCases;)
        {
            using var pair = new SocketPair();
            using var channel = new ControlChannel(pair.Near, FrameHeader.Of(FrameCase.Plan, 0), FrameHeader.Of(FrameCase.Plan, 1));
            bool isOver = false;
            while (!isOver && i < ControlCases)
            {
                FrameCase one = FrameCase.Control(random);
                string place = $"case {i++}, {one.Fault} of {one.Due.Kind}";
                pair.Far.Send(one.Bytes);
                if (one.Fault is FrameFault.Truncated) pair.Far.Dispose();
                long before = GC.GetAllocatedBytesForCurrentThread();
                (FrameHeader? frame, LinkException? refusal) = Read(channel, pair.Near);
                Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MaxAllocated, place);
                if (one.Fault is FrameFault.None)
                {
                    Assert.True(frame is { } read && read.Kind == one.Due.Kind && read.Step == one.Due.Step && read.Part == one.Due.Part && read.Value == one.Due.Value, place);
                    continue;
                }
                Assert.True(refusal is not null, place);
                Assert.True((refusal.Reason, refusal.Cause) == (one.Cause is null ? PeerLossReason.Closed : PeerLossReason.WrongFrame, one.Cause), $"{place}: {refusal.Message}");
                isOver = true;
            }
        }
    }

    /// <summary>Reads the frame, or the end of the connection after it, which the system may deliver a moment later.</summary>
    private static (FrameHeader? Frame, LinkException? Refusal) Read(ControlChannel channel, Socket socket)
    {
        try
        {
            FrameHeader frame;
            while (!channel.TryRead(out frame))
                if (!socket.Poll(Ranks.Deadline, SelectMode.SelectRead)) return (null, null);
            return (frame, null);
        }
        catch (LinkException refusal)
        {
            return (null, refusal);
        }
    }

    /// <summary>The loop that drives collective operations, with one peer that gets a new data link in each case.</summary>
    private sealed class Rig : IDisposable
    {
        private SocketPair _control = new();
        private TransferLoop _loop;

        public Rig() => Connect();

        public Rejections Rejections { get; } = new();

        public Peer Peer { get; private set; }

        /// <summary>Waits for a frame.</summary>
        /// <returns>The failure; null if the frame was received.</returns>
        public PeerLostException? Receive(FrameHeader due, byte* payload, bool wasCut)
        {
            // The process that sent part of a frame has ended, and with it its control connection.
            if (wasCut) _control.Far.Dispose();
            try
            {
                _loop.Drive(new OneFrame(due, payload), CancellationToken.None);
                return null;
            }
            catch (PeerLostException lost)
            {
                return lost;
            }
            finally
            {
                if (wasCut)
                {
                    Dispose();
                    _control = new();
                    Link link = Peer.Link;
                    Connect();
                    Peer.Link = link;
                }
            }
        }

        public void Dispose()
        {
            _loop.Dispose();
            Peer.Control.Dispose();
            _control.Dispose();
        }

        [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_loop), nameof(Peer))]
        private void Connect()
        {
            FrameHeader header = FrameHeader.Of(FrameCase.Plan, 1);
            Peer = new(1, header, new(_control.Near, FrameHeader.Of(FrameCase.Plan, 0), header));
            _loop = new(FrameCase.Plan, new([Peer], null, null, null!, []), Rejections);
        }
    }

    private sealed class OneFrame(FrameHeader due, byte* payload) : ITransfer
    {
        public bool IsDone { get; private set; }

        public bool Settle() => false;

        public bool Advance(Peer peer)
        {
            if (IsDone) return false;
            peer.AwaitsReceive = true;
            return IsDone = peer.Link.TryReceive(due, payload);
        }
    }

    /// <summary>Memory in which a stray write is detected.</summary>
    private sealed class Buffer(int length) : IDisposable
    {
        private const byte Untouched = 0xA5;

        public byte* Start { get; } = (byte*)NativeMemory.AlignedAlloc((nuint)length, 64);

        public void Fill() => new Span<byte>(Start, length).Fill(Untouched);

        public bool IsFilled(int from, int count) => !new ReadOnlySpan<byte>(Start + from, count).ContainsAnyExcept(Untouched);

        public void Dispose() => NativeMemory.AlignedFree(Start);
    }
}
