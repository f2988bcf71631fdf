using Microsoft.Extensions.Time.Testing;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker.Transfer;
using Xunit;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;

namespace Spikeformer.Cluster.Worker.Transfer;

/// <summary>A member at the boundaries of its steps, and those who ask it; nobody waits here.</summary>
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
    public void Nothing_is_copied_while_nobody_follows()
    {
        Align(10);
        Commit(10, 11);
        Assert.Equal((0, 0, 0), (_copies, _store.Copies, _store.Vectors));
    }

    [Fact]
    public void A_copy_is_made_once_at_the_step_that_was_asked_for_and_goes_when_all_have_it()
    {
        Align(10);
        TransferStore.Follower one = _store.Follow(Learner), two = _store.Follow(Other);
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
        _store.Leave(two);
        Assert.Equal(0, _store.Vectors);
    }

    [Fact]
    public void A_copy_goes_when_the_follower_does()
    {
        Align(10);
        TransferStore.Follower one = _store.Follow(Learner);
        Copy(one, 11);
        Commit(10);
        Assert.Equal(1, _store.Copies);
        _store.Leave(one);
        Assert.Equal(0, _store.Copies);
    }

    [Fact]
    public void A_step_that_is_past_is_not_copied()
    {
        Align(10);
        TransferStore.Follower one = _store.Follow(Learner);
        Assert.Equal(Answer.Gone, Copy(one, 10));
        Assert.Equal(Answer.Gone, Copy(one, 9));
        Commit(10, 11);
        Assert.Equal((0, 0), (_copies, _store.Vectors));
    }

    [Fact]
    public void Only_the_state_that_a_step_followed_on_goes_on_with_its_vector()
    {
        Align(10);
        TransferStore.Follower one = _store.Follow(Learner);
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
    public void What_a_follower_needs_lasts_into_the_next_generation()
    {
        Align(10);
        TransferStore.Follower copying = _store.Follow(Learner), following = _store.Follow(Other);
        Copy(copying, 12);
        Reduced(following, 10);
        Commit(10, 11, 12);
        Assert.Equal((1, 3), (_store.Copies, _store.Vectors));
        _store.End();
        _store.Leave(copying);
        Assert.Null(_store.AwaitCopy(copying, 12, TimeSpan.Zero, out _));
        _store.Begin([1, 2]);
        Assert.Equal((Answer.Aligning, default(Position)), Position(_store.Follow(3)));

        Align(13);
        Commit(13);
        copying = _store.Follow(Learner);
        following = _store.Follow(Other);
        Assert.Equal(new Position(14, 12), Position(copying).Position);
        Assert.Equal(Answer.Here, Copy(copying, 12));
        foreach (int step in (int[])[10, 11, 12, 13]) Assert.Equal((Answer.Here, step), Reduced(following, step));
        Assert.Equal((1, 2), (_store.Copies, _store.Vectors));
    }

    [Fact]
    public void A_copy_that_was_asked_for_in_one_generation_is_made_in_the_next()
    {
        Align(10);
        Copy(_store.Follow(Learner), 13);
        _store.End();
        _store.Begin([1, 2]);
        Align(11);
        Commit(11, 12);
        Assert.Equal(Answer.Here, Copy(_store.Follow(Learner), 13));
    }

    [Fact]
    public void What_nobody_comes_back_for_goes()
    {
        Align(10);
        Copy(_store.Follow(Learner), 11);
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
    public void Who_is_a_voter_now_needs_nothing_of_what_it_followed()
    {
        Align(10);
        Copy(_store.Follow(Learner), 11);
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
        TransferStore.Follower one = _store.Follow(Learner);
        Copy(one, 11);
        Commit(10, 11);
        _store.End();
        _store.Begin([1, 2]);
        Align(20);
        one = _store.Follow(Learner);
        Assert.Equal(Answer.Gone, Copy(one, 11));
        Assert.Equal((Answer.Gone, -1), Reduced(one, 11));
        Assert.Equal((0, 0), (_store.Copies, _store.Vectors));
    }

    [Fact]
    public void While_members_align_they_have_what_they_lend_each_other()
    {
        TransferStore.Follower behind = _store.Follow(2);
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
        Copy(_store.Follow(Learner), 11);
        Commit(10);
        _store.End();
        _store.Forget();
        Assert.Equal((0, 0), (_store.Copies, _store.Vectors));
        _store.Begin([1, 2]);
        Align(5);
        Assert.Equal(new Position(5, null), Position(_store.Follow(Learner)).Position);
    }

    [Fact]
    public void What_came_of_an_epoch_is_known_once_it_is_evaluated_and_until_the_next_one_is()
    {
        Align(10);
        TransferStore.Follower one = _store.Follow(Learner);
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

        (Answer?, double?) Evaluation(TransferStore.Follower follower, long step) => (_store.AwaitEvaluation(follower, step, TimeSpan.Zero, out ProgressState? progress), progress?.Best);
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

    private (Answer?, Position Position) Position(TransferStore.Follower follower) => (_store.Await(follower, TimeSpan.Zero, out Position position), position);

    private Answer? Copy(TransferStore.Follower follower, long step) => _store.AwaitCopy(follower, step, TimeSpan.Zero, out _);

    private (Answer?, int Vector) Reduced(TransferStore.Follower follower, long step) =>
        (_store.AwaitReduced(follower, step, Digest(step), TimeSpan.Zero, out byte[]? vector), vector is null ? -1 : vector[0]);

    private static UInt128 Digest(long step) => StateWire.Digest(States.Digest(step));
}
