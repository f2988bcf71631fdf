using System.Net.Sockets;
using Spikeformer.Collectives.Plan;
using Spikeformer.Silo.Worker.Transfer;
using Spikeformer.TestKit;
using Xunit;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;

namespace Spikeformer.Cluster.Worker.Transfer;

/// <summary>A learner and two or three members over loopback.</summary>
public sealed class StateFetchTests
{
    private const int Tensors = LendingMembers.Tensors;

    private static readonly StateCopy s_state = LendingMembers.State(12);

    /// <summary>The members are at step 10 when the learner asks. All make their copy at step 12, and continue.</summary>
    [Fact]
    public async Task All_members_copy_the_same_step_and_each_slice_arrives_once()
    {
        using var members = new LendingMembers(3);
        members.Begin();
        for (int rank = 0; rank < 3; rank++) members.Align(rank, 10);
        var slices = new SliceCollection(s_state.Slices());
        using var fetch = new StateFetch(slices, members.Donors());
        Task<StateCopy?> fetching = Task.Run(() => fetch.Run(step: null, stepsAhead: 2, CancellationToken.None));
        foreach (TransferStore store in members.Stores) await WantsCopyAsync(store, 12);
        for (int step = 11; step <= 14; step++)
            for (int rank = 0; rank < 3; rank++) members.Commit(rank, step);

        Assert.Equal(States.Text(s_state), States.Text((await fetching)!));
        Assert.Equal(Tensors, slices.Fetched.Values.Sum());
        Assert.Equal([1, 1, 1], members.Copies);
        Assert.Equal([2, 2, 2], members.Stores.Select(store => store.Vectors));
        fetch.Dispose();
        await Eventually.HoldsAsync("the copies to be freed", () => members.Stores.All(store => (store.Copies, store.Vectors) == (0, 0)));
    }

    [Fact]
    public async Task Another_member_continues_when_one_dies_in_the_middle()
    {
        using var died = new ManualResetEventSlim();
        using var first = new ScriptedMember("first", s_state, (before, bytes) =>
        {
            if (before < 5) return bytes;
            died.Set();
            return null;
        });
        using var members = new LendingMembers(1);
        members.Begin();
        var slices = new SliceCollection(s_state.Slices());
        using var fetch = new StateFetch(slices, [first.Donor, .. members.Donors()]);
        Task<StateCopy?> fetching = Task.Run(() => fetch.Run(12, stepsAhead: 0, CancellationToken.None));
        died.Wait();
        // So far the other member has answered that it still aligns.
        members.Align(0, 11);
        await WantsCopyAsync(members.Stores[0], 12);
        members.Commit(0, 12);

        Assert.Equal(States.Text(s_state), States.Text((await fetching)!));
        Assert.Equal(new Dictionary<string, int> { ["first"] = 5, ["m0"] = Tensors - 5 }, slices.Fetched);
        Assert.Equal(["first"], fetch.Lost);
    }

    [Fact]
    public async Task Two_of_three_members_may_die_at_any_slice_and_no_slice_arrives_twice()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            ScriptedMember[] members = [.. Enumerable.Range(0, 3).Select(i =>
            {
                int lives = i == 0 ? int.MaxValue : random.Next(Tensors);
                return new ScriptedMember($"m{i}", s_state, (before, bytes) => before < lives ? bytes : null);
            })];
            var slices = new SliceCollection(s_state.Slices());
            using var fetch = new StateFetch(slices, [.. members.Select(member => member.Donor)]);
            StateCopy? state = await Task.Run(() => fetch.Run(step: null, stepsAhead: 2, CancellationToken.None));
            foreach (ScriptedMember member in members) member.Dispose();

            Assert.Equal(States.Text(s_state), States.Text(state!));
            Assert.Equal(Tensors, slices.Fetched.Values.Sum());
            // Only the slice that a member was asked for when it died was requested twice.
            Assert.Equal(Tensors + fetch.Lost.Count, members.Sum(member => member.Asked.Count));
        }
    }

    [Fact]
    public async Task A_wrong_slice_is_refused_and_fetched_from_another_member()
    {
        using var refused = new ManualResetEventSlim();
        using var wrong = new ScriptedMember("wrong", s_state, (before, bytes) =>
        {
            // When it asks for the next slice, the learner has refused the wrong one.
            if (before == 4) refused.Set();
            return before == 3 ? [.. bytes.Select(one => (byte)~one)] : bytes;
        });
        using var right = new ScriptedMember("right", s_state, (_, bytes) => bytes, after: refused);
        var slices = new SliceCollection(s_state.Slices());
        using var fetch = new StateFetch(slices, [wrong.Donor, right.Donor]);
        StateCopy? state = await Task.Run(() => fetch.Run(step: null, stepsAhead: 2, CancellationToken.None));

        Assert.Equal(States.Text(s_state), States.Text(state!));
        Assert.Equal((1, 1, Tensors), (fetch.Rejections[RejectionCause.DamagedPayload], slices.Refused, slices.Fetched.Values.Sum()));
        UInt128 hash = wrong.Asked.ElementAt(3);
        Assert.Single(wrong.Asked, hash);
        Assert.Single(right.Asked, hash);
        Assert.Empty(fetch.Lost);
    }

    [Fact]
    public async Task The_next_generation_continues_with_the_slices_that_arrived_when_all_donors_are_lost()
    {
        using var first = new ScriptedMember("first", s_state, (before, bytes) => before < 7 ? bytes : null);
        var slices = new SliceCollection(s_state.Slices());
        using (var fetch = new StateFetch(slices, [first.Donor]))
        {
            Assert.Null(await Task.Run(() => fetch.Run(step: null, stepsAhead: 2, CancellationToken.None)));
            Assert.Equal((false, 12, 7), (fetch.IsGone, slices.Step, slices.Held));
        }
        using var members = new LendingMembers(2);
        members.Begin();
        for (int rank = 0; rank < 2; rank++) members.Align(rank, 11);
        using var next = new StateFetch(slices, members.Donors());
        Task<StateCopy?> fetching = Task.Run(() => next.Run(step: null, stepsAhead: 2, CancellationToken.None));
        foreach (TransferStore store in members.Stores) await WantsCopyAsync(store, 12);
        for (int rank = 0; rank < 2; rank++) members.Commit(rank, 12);

        Assert.Equal(States.Text(s_state), States.Text((await fetching)!));
        Assert.Equal(Tensors, slices.Fetched.Values.Sum());
        Assert.Equal(7, slices.Fetched["first"]);
    }

    [Fact]
    public async Task A_copy_survives_a_change_of_generation()
    {
        using var members = new LendingMembers(1);
        members.Begin();
        members.Align(0, 10);
        using (Socket socket = members.Donors()[0].Connect())
        {
            using NetworkStream stream = StateWire.Open(socket);
            StateWire.Ask(stream, new(StateWire.Kind.Copy, 12));
            await WantsCopyAsync(members.Stores[0], 12);
            members.Commit(0, 11);
            members.Commit(0, 12);
            Assert.Equal(12, StateWire.ReadTable(stream)!.Step);
            members.Begin();
        }
        members.Align(0, 12);
        members.Commit(0, 13);
        using var fetch = new StateFetch(new SliceCollection(s_state.Slices()), members.Donors());
        StateCopy? state = await Task.Run(() => fetch.Run(step: null, stepsAhead: 2, CancellationToken.None));
        Assert.Equal(States.Text(s_state), States.Text(state!));
        Assert.Equal(1, members.Copies[0]);
    }

    [Fact]
    public async Task A_learner_keeps_its_slices_when_no_member_lends_their_step_any_more()
    {
        using var first = new ScriptedMember("first", s_state, (before, bytes) => before < 7 ? bytes : null);
        var slices = new SliceCollection(s_state.Slices());
        using (var fetch = new StateFetch(slices, [first.Donor])) await Task.Run(() => fetch.Run(step: null, stepsAhead: 2, CancellationToken.None));
        StateCopy later = s_state.With(step: 15, tensor: 0, new byte[16]);
        using var second = new ScriptedMember("second", later, (_, bytes) => bytes);
        using (var fetch = new StateFetch(slices, [second.Donor]))
        {
            Assert.Null(await Task.Run(() => fetch.Run(step: null, stepsAhead: 2, CancellationToken.None)));
            Assert.True(fetch.IsGone);
        }
        using var last = new StateFetch(slices, [second.Donor]);
        Assert.Equal(States.Text(later), States.Text((await Task.Run(() => last.Run(step: null, stepsAhead: 2, CancellationToken.None)))!));
        // The first slice has changed since then; six of the seven have not.
        Assert.Equal(Tensors - 6, second.Asked.Count);
    }

    [Fact]
    public async Task A_waiting_fetch_ends_when_it_is_cancelled()
    {
        using var members = new LendingMembers(1);
        members.Begin();
        members.Align(0, 10);
        using var cancellation = new CancellationTokenSource();
        using var fetch = new StateFetch(new SliceCollection(s_state.Slices()), members.Donors());
        Task<StateCopy?> fetching = Task.Run(() => fetch.Run(step: null, stepsAhead: 2, cancellation.Token));
        await WantsCopyAsync(members.Stores[0], 12);
        await cancellation.CancelAsync();
        Assert.Null(await fetching);
        Assert.False(fetch.IsGone);
    }

    /// <summary>Waits until a member has been asked for a copy that it will make.</summary>
    private static Task WantsCopyAsync(TransferStore store, long step)
    {
        Borrower onlooker = store.Admit(1000);
        return Eventually.HoldsAsync($"a request for a copy of step {step}",
            () => store.AwaitPosition(onlooker, TimeSpan.Zero, out Position position) is Answer.Here && position.Lent == step);
    }
}
