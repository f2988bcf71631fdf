using Microsoft.Extensions.Time.Testing;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker.Transfer;
using Xunit;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;

namespace Spikeformer.Cluster.Worker.Transfer;

/// <summary>A member at the boundaries of its steps, and its borrowers. No test waits.</summary>
public sealed class TransferStoreTests
{
    private const ulong Learner = 7, Other = 8;

    private readonly FakeTimeProvider _time = new();
    private readonly TransferStore _store;
    private int _copies;

    public TransferStoreTests()
    {
        _store = new(_time, States.SliceBytes);
        _store.Begin([1, 2]);
    }

    [Fact]
    public void Nothing_is_copied_without_borrowers()
    {
        Align(10);
        Commit(10, 11);
        Assert.Equal((0, 0, 0), (_copies, _store.Copies, _store.Vectors));
    }

    [Fact]
    public void A_copy_is_made_once_at_the_requested_step_and_freed_when_all_borrowers_have_it()
    {
        Align(10);
        Borrower one = _store.Admit(Learner), two = _store.Admit(Other);
        Assert.Equal((Answer.Here, new Position(10, null)), Position(one));
        Assert.Equal(Answer.Waiting, Copy(one, 12));
        Assert.Equal(new Position(10, 12), Position(two).Position);
        Assert.Equal(Answer.Waiting, Copy(two, 12));
        Commit(10);
        Assert.Equal(0, _copies);
        Commit(11, 12, 13);
        Assert.Equal(1, _copies);
        Assert.Equal(Answer.Here, Copy(one, 12));
        Assert.Equal(Answer.Here, Copy(two, 12));
        Assert.Equal(12, _store.Copy(12)!.Table.Step);

        Assert.Equal((Answer.Here, 12), Reduced(one, 12));
        Assert.Equal(1, _store.Copies);
        Assert.Equal((Answer.Here, 12), Reduced(two, 12));
        Assert.Equal((0, 2), (_store.Copies, _store.Vectors));
        Assert.Equal((Answer.Here, 13), Reduced(one, 13));
        Assert.Equal((Answer.Waiting, -1), Reduced(one, 14));
        _store.Remove(two);
        Assert.Equal(0, _store.Vectors);
    }

    [Fact]
    public void A_copy_is_freed_when_its_borrower_disconnects()
    {
        Align(10);
        Borrower one = _store.Admit(Learner);
        Copy(one, 11);
        Commit(10);
        Assert.Equal(1, _store.Copies);
        _store.Remove(one);
        Assert.Equal(0, _store.Copies);
    }

    [Fact]
    public void A_past_step_is_not_copied()
    {
        Align(10);
        Borrower one = _store.Admit(Learner);
        Assert.Equal(Answer.Gone, Copy(one, 10));
        Assert.Equal(Answer.Gone, Copy(one, 9));
        Commit(10, 11);
        Assert.Equal((0, 0), (_copies, _store.Vectors));
    }

    [Fact]
    public void Only_the_state_before_a_step_gets_its_vector()
    {
        Align(10);
        Borrower one = _store.Admit(Learner);
        Assert.Equal((Answer.Waiting, -1), Reduced(one, 10));
        Assert.Equal(Answer.Gone, _store.AwaitReduced(one, 10, 99, TimeSpan.Zero, out _));
        Reduced(one, 10);
        Commit(10);
        Assert.Equal(Answer.Gone, _store.AwaitReduced(one, 10, 99, TimeSpan.Zero, out _));
        Assert.Equal((Answer.Gone, -1), Reduced(one, 9));
        // Another member may have committed one step more.
        Assert.Equal((Answer.Waiting, -1), Reduced(one, 12));
        Assert.Equal((Answer.Gone, -1), Reduced(one, 13));
    }

    [Fact]
    public void The_needs_of_a_borrower_last_into_the_next_generation()
    {
        Align(10);
        Borrower copying = _store.Admit(Learner), following = _store.Admit(Other);
        Copy(copying, 12);
        Reduced(following, 10);
        Commit(10, 11, 12);
        Assert.Equal((1, 3), (_store.Copies, _store.Vectors));
        _store.End();
        _store.Remove(copying);
        Assert.Null(_store.AwaitCopy(copying, 12, TimeSpan.Zero, out _));
        _store.Begin([1, 2]);
        Assert.Equal((Answer.Aligning, default(Position)), Position(_store.Admit(3)));

        Align(13);
        Commit(13);
        copying = _store.Admit(Learner);
        following = _store.Admit(Other);
        Assert.Equal(new Position(14, 12), Position(copying).Position);
        Assert.Equal(Answer.Here, Copy(copying, 12));
        foreach (int step in (int[])[10, 11, 12, 13]) Assert.Equal((Answer.Here, step), Reduced(following, step));
        Assert.Equal((1, 2), (_store.Copies, _store.Vectors));
    }

    [Fact]
    public void A_copy_requested_in_one_generation_is_made_in_the_next()
    {
        Align(10);
        Copy(_store.Admit(Learner), 13);
        _store.End();
        _store.Begin([1, 2]);
        Align(11);
        Commit(11, 12);
        Assert.Equal(Answer.Here, Copy(_store.Admit(Learner), 13));
    }

    [Fact]
    public void Copies_are_freed_when_their_borrower_does_not_return()
    {
        Align(10);
        Copy(_store.Admit(Learner), 11);
        Commit(10);
        _store.End();
        _store.Begin([1, 2]);
        Align(11);
        _time.Advance(TimeSpan.FromSeconds(10));
        Commit(11);
        Assert.Equal((1, 1), (_store.Copies, _store.Vectors));
        _time.Advance(TimeSpan.FromSeconds(1));
        Commit(12);
        Assert.Equal((0, 0), (_store.Copies, _store.Vectors));
    }

    [Fact]
    public void A_borrower_that_becomes_a_voter_needs_nothing_any_more()
    {
        Align(10);
        Copy(_store.Admit(Learner), 11);
        Commit(10);
        _store.End();
        _store.Begin([1, 2, Learner]);
        Align(11);
        Assert.Equal((0, 0), (_store.Copies, _store.Vectors));
    }

    [Fact]
    public void A_member_that_missed_steps_does_not_lend_across_them()
    {
        Align(10);
        Borrower one = _store.Admit(Learner);
        Copy(one, 11);
        Commit(10, 11);
        _store.End();
        _store.Begin([1, 2]);
        Align(20);
        one = _store.Admit(Learner);
        Assert.Equal(Answer.Gone, Copy(one, 11));
        Assert.Equal((Answer.Gone, -1), Reduced(one, 11));
        Assert.Equal((0, 0), (_store.Copies, _store.Vectors));
    }

    [Fact]
    public void Aligning_members_keep_all_that_they_lend_each_other()
    {
        Borrower behind = _store.Admit(2);
        Assert.Equal(Answer.Aligning, Copy(behind, 10));
        Assert.Equal((Answer.Aligning, -1), Reduced(behind, 9));
        _store.Lend(9, [9]);
        _store.Lend(10, () => Make(10));
        _store.Lend(10, () => Make(10));
        Assert.Equal(1, _copies);
        Assert.Equal(Answer.Here, Copy(behind, 10));
        Assert.Equal((Answer.Here, 9), Reduced(behind, 9));
        Align(10);
        Assert.Equal(0, _store.Copies);
    }

    [Fact]
    public void Nothing_of_a_wrong_state_is_lent()
    {
        Align(10);
        Copy(_store.Admit(Learner), 11);
        Commit(10);
        _store.End();
        _store.Forget();
        Assert.Equal((0, 0), (_store.Copies, _store.Vectors));
        _store.Begin([1, 2]);
        Align(5);
        Assert.Equal(new Position(5, null), Position(_store.Admit(Learner)).Position);
    }

    [Fact]
    public void An_evaluation_is_lent_until_the_next_one()
    {
        Align(10);
        Borrower one = _store.Admit(Learner);
        Commit(10, 11);
        Assert.Equal((Answer.Waiting, null), Evaluation(one, 12));
        _store.Evaluated(12, Of(0.5));
        Assert.Equal((Answer.Here, 0.5), Evaluation(one, 12));
        Commit(12, 13);
        Assert.Equal((Answer.Here, 0.5), Evaluation(one, 12));
        Assert.Equal(2, _store.Vectors);
        Assert.Equal((Answer.Waiting, null), Evaluation(one, 14));
        Assert.Equal(0, _store.Vectors);
        _store.Evaluated(14, Of(0.75));
        Assert.Equal((Answer.Here, 0.75), Evaluation(one, 14));
        Assert.Equal((Answer.Gone, null), Evaluation(one, 12));
        _store.Forget();
        Assert.Equal((Answer.Aligning, null), Evaluation(one, 14));

        (Answer?, double?) Evaluation(Borrower borrower, long step) => (_store.AwaitEvaluation(borrower, step, TimeSpan.Zero, out ProgressState? progress), progress?.Best);
        static ProgressState Of(double best) => new([], best, EpochSums.Zero, false);
    }

    private void Align(long step) => _store.Aligned(step, Digest(step), () => Make(step));

    /// <summary>Commits steps; the vector of a step is its number.</summary>
    private void Commit(params byte[] steps)
    {
        foreach (byte step in steps) _store.Commit(step, Digest(step + 1), [step], () => Make(step + 1));
    }

    private StateCopy Make(long step)
    {
        _copies++;
        return States.Of(step, tensors: 2, seed: (int)step);
    }

    private (Answer?, Position Position) Position(Borrower borrower) => (_store.AwaitPosition(borrower, TimeSpan.Zero, out Position position), position);

    private Answer? Copy(Borrower borrower, long step) => _store.AwaitCopy(borrower, step, TimeSpan.Zero, out _);

    private (Answer?, int Vector) Reduced(Borrower borrower, long step) =>
        (_store.AwaitReduced(borrower, step, Digest(step), TimeSpan.Zero, out byte[]? vector), vector is null ? -1 : vector[0]);

    private static UInt128 Digest(long step) => StateWire.Digest(States.Digest(step));
}
