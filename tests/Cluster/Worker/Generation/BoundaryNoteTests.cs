using Spikeformer.Contracts;
using Spikeformer.Silo.Worker.Generation;
using Xunit;

namespace Spikeformer.Cluster.Worker.Generation;

public sealed class BoundaryNoteTests
{
    private static readonly GenerationPlan s_current = Plan(1), s_next = Plan(2);

    private static GenerationPlan Plan(long number) => new() { Run = "r", Number = number, Nonce = new((int)number, 0, 0, new byte[8]), Shards = 8, Secret = [], Members = [] };

    private static ulong Lead(bool saves, bool shares = true, GenerationPlan? newest = null, bool mustStop = false) => BoundaryNote.Of(newest, mustStop, saves, shares);

    private static ulong Other(bool shares, GenerationPlan? newest = null, bool mustStop = false) => BoundaryNote.Of(newest, mustStop, saves: false, shares);

    [Fact]
    public void A_checkpoint_is_written_by_the_lead_and_all_members_that_can()
    {
        Assert.Equal([0, 1, 2], BoundaryNote.Writers([Lead(saves: true), Other(true), Other(true)]));
        Assert.Equal([0, 2], BoundaryNote.Writers([Lead(saves: true), Other(false), Other(true)]));
        Assert.Equal([0], BoundaryNote.Writers([Lead(saves: true), Other(false), Other(false)]));
        Assert.Equal([0], BoundaryNote.Writers([Lead(saves: true)]));
    }

    [Fact]
    public void The_lead_can_write_alone_and_no_member_writes_without_it()
    {
        Assert.Equal([0], BoundaryNote.Writers([Lead(saves: true, shares: false), Other(true), Other(true)]));
        Assert.Empty(BoundaryNote.Writers([Lead(saves: false), Other(true), Other(true)]));
    }

    [Fact]
    public void Checkpoint_bits_change_no_verdict()
    {
        foreach (bool saves in (bool[])[false, true])
            foreach (bool shares in (bool[])[false, true])
            {
                Assert.Equal(BoundaryVerdict.Continue, BoundaryNote.Read([Lead(saves), Other(shares)], s_current));
                Assert.Equal(BoundaryVerdict.Continue, BoundaryNote.Read([Lead(saves, newest: s_next), Other(shares, newest: s_current)], s_current));
                Assert.Equal(BoundaryVerdict.Continue, BoundaryNote.Read([Lead(saves, newest: s_current), Other(shares, newest: s_current)], s_current));
                Assert.Equal(BoundaryVerdict.ChangeOver, BoundaryNote.Read([Lead(saves, newest: s_next), Other(shares, newest: s_next)], s_current));
                Assert.Equal(BoundaryVerdict.Continue, BoundaryNote.Read([Lead(saves, mustStop: true), Other(shares)], s_current));
                Assert.Equal(BoundaryVerdict.Stop, BoundaryNote.Read([Lead(saves, mustStop: true), Other(shares, newest: s_next, mustStop: true)], s_current));
            }
    }
}
