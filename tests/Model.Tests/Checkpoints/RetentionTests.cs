using Spikeformer.Checkpoints;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

public sealed class RetentionTests
{
    private static CheckpointEntry Entry(long step, int lineage = 0, long start = 0, ErrorKind? problem = null, bool best = false, bool pinned = false) =>
        new(new(step, lineage), problem is null ? new(1, States.Info(step, lineage, start), []) : null,
            problem is { } kind ? new SpikeformerException(kind, "what", "remedy") : null, best, pinned);

    [Fact]
    public void The_highest_lineage_comes_first_and_older_ones_only_up_to_where_they_were_left()
    {
        CheckpointEntry[] entries = [Entry(10), Entry(20), Entry(30), Entry(15, 1, start: 10), Entry(25, 1, start: 10), Entry(17, 2, start: 15)];
        Assert.Equal(["step-17-lineage-2", "step-15-lineage-1", "step-10"], Retention.Succession(entries).Select(entry => entry.Id.Folder));
        Assert.Equal(["step-25-lineage-1", "step-15-lineage-1", "step-10"], Retention.Succession(entries, 1).Select(entry => entry.Id.Folder));
        Assert.Equal(["step-30", "step-20", "step-10"], Retention.Succession(entries, 0).Select(entry => entry.Id.Folder));
    }

    [Fact]
    public void An_older_lineage_is_not_guessed_when_no_manifest_tells_where_it_was_left()
    {
        CheckpointEntry[] entries = [Entry(10), Entry(30), Entry(40, 1, problem: ErrorKind.CheckFailed)];
        Assert.Equal(["step-40-lineage-1"], Retention.Succession(entries).Select(entry => entry.Id.Folder));
    }

    [Fact]
    public void All_after_the_newest_kept_one_are_superseded_except_best_pinned_and_foreign_ones()
    {
        CheckpointEntry[] entries =
        [
            Entry(90, problem: ErrorKind.CheckFailed), Entry(80), Entry(70, problem: ErrorKind.CheckFailed), Entry(60), Entry(50), Entry(40, best: true),
            Entry(30, pinned: true), Entry(20, problem: ErrorKind.Conflict), Entry(10, problem: ErrorKind.CheckFailed),
        ];
        var superseded = Retention.Superseded(entries, entries, [entries[1], entries[3]], keep: 2);
        Assert.Equal([70, 50, 10], superseded.Select(entry => entry.Id.Step));
    }

    [Fact]
    public void Nothing_is_superseded_while_fewer_than_wanted_are_verified()
    {
        CheckpointEntry[] entries = [Entry(80), Entry(60), Entry(50)];
        Assert.Empty(Retention.Superseded(entries, entries, [entries[0]], keep: 2));
        Assert.Empty(Retention.Superseded(entries, entries, [], keep: 1));
    }
}
