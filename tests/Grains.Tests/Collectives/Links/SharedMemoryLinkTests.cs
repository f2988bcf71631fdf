using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Links;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Collectives.Links;

public sealed unsafe class SharedMemoryLinkTests
{
    /// <summary>One side peeks all the time while the other sends. A frame may arrive during a peek.</summary>
    [Fact]
    public void A_frame_that_is_peeked_is_the_one_that_was_sent()
    {
        const int frames = 200_000;
        using var folder = new TemporaryFolder();
        using SharedMemorySegment segment = SharedMemorySegment.Create(folder["segment"], members: 2, blockBytes: 64);
        using var ranks = new Ranks(2, [1, 2]);
        FrameHeader sender = FrameHeader.Of(ranks.Plan, 0);
        using var sending = new SharedMemoryLink(segment, new(segment, 0), 0, 1, () => { });
        using var looking = new SharedMemoryLink(segment, new(segment, 1), 1, 0, () => { });
        var writer = new Thread(() =>
        {
            byte* payload = stackalloc byte[1];
            for (int i = 0; i < frames; i++)
                while (!sending.TrySend(sender.With(FrameKind.Exchange, i, 0, 0, 0), payload)) Thread.SpinWait(1);
        });
        writer.Start();
        byte* received = stackalloc byte[1];
        int wrong = 0;
        for (int i = 0; i < frames; i++)
        {
            FrameHeader seen;
            while (!looking.TryPeek(sender, out seen)) { }
            if (seen.Kind != FrameKind.Exchange || seen.Step != i) wrong++;
            Assert.True(looking.TryReceive(sender.With(FrameKind.Exchange, i, 0, 0, 0), received));
        }
        writer.Join();
        Assert.Equal(0, wrong);
    }
}
