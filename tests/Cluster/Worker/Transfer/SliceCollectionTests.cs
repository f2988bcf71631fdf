using Spikeformer.Silo.Worker.Transfer;
using Xunit;

namespace Spikeformer.Cluster.Worker.Transfer;

public sealed class SliceCollectionTests
{
    private const int Tensors = 12;

    private static readonly StateCopy s_state = States.Of(step: 40, Tensors, seed: 1);

    /// <summary>Members bring slices at different speeds. Some members are lost; one stays.</summary>
    [Fact]
    public void The_state_is_complete_and_no_slice_arrives_twice_whichever_members_are_lost()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            StateCopy state = States.Of(step: 40, tensors: random.Next(1, 30), seed);
            var collection = new SliceCollection(state.Slices());
            var asked = new Dictionary<string, UInt128?>();
            for (int i = 0, count = random.Next(1, 5); i < count; i++)
            {
                asked.Add($"m{i}", null);
                Assert.True(collection.Offer($"m{i}", state.Table()));
            }
            var came = new List<UInt128>();
            while (!collection.IsComplete)
            {
                string member = asked.Keys.ElementAt(random.Next(asked.Count));
                if (asked.Count > 1 && random.Next(15) == 0)
                {
                    collection.DropDonor(member);
                    asked.Remove(member);
                }
                else if (asked[member] is { } hash)
                {
                    Assert.True(collection.Add(member, hash, state.Bytes(hash)));
                    came.Add(hash);
                    asked[member] = null;
                }
                else
                {
                    asked[member] = collection.Next(member)?.Hash;
                    Assert.True(asked[member] is not null || collection.CanHelp(member), "slices are missing, and a member has none to bring");
                }
            }
            Assert.Equal(state.Table().Hashes.Order(), came.Order());
            Assert.Equal(came.Count, collection.Fetched.Values.Sum());
            Assert.Equal(States.Text(state), States.Text(collection.Take()));
            Assert.False(collection.IsComplete);
        }
    }

    [Fact]
    public void Slices_are_not_requested_again_when_other_members_replace_all_lost_ones()
    {
        SliceCollection collection = Begun(slices: 5);
        collection.DropDonor("a");
        Assert.Null(collection.Next("a"));
        Assert.Equal(40, collection.Step);

        Assert.True(collection.Offer("b", s_state.Table()));
        Assert.Equal(Tensors - 5, Rest(collection, "b", s_state));
        Assert.Equal(States.Text(s_state), States.Text(collection.Take()));
    }

    [Fact]
    public void Only_the_differing_slices_of_another_state_are_requested()
    {
        SliceCollection collection = Begun(slices: 5);
        StateCopy next = s_state.With(step: 43, tensor: 1, [.. Enumerable.Repeat((byte)9, 16)]);
        Assert.False(collection.Offer("b", next.Table()));
        Assert.Null(collection.Next("b"));

        collection.Restart();
        Assert.Equal((null, 5), (collection.Step, collection.Held));
        Assert.True(collection.Offer("b", next.Table()));
        Assert.Equal((43, 4), (collection.Step, collection.Held));
        Assert.Equal(Tensors - 4, Rest(collection, "b", next));
        Assert.Equal(States.Text(next), States.Text(collection.Take()));
    }

    [Fact]
    public void A_requested_slice_is_requested_from_another_member_only_when_the_first_is_lost()
    {
        StateCopy one = States.Of(step: 40, tensors: 1, seed: 2);
        var collection = new SliceCollection(one.Slices());
        collection.Offer("a", one.Table());
        collection.Offer("b", one.Table());
        Assert.Equal(one.Table().Hashes[0], collection.Next("a")?.Hash);
        Assert.Null(collection.Next("b"));
        Assert.True(collection.CanHelp("b"));
        collection.DropDonor("a");
        Assert.Equal(one.Table().Hashes[0], collection.Next("b")?.Hash);
    }

    [Fact]
    public void A_slice_with_wrong_bytes_is_refused_and_requested_from_another_member()
    {
        StateCopy one = States.Of(step: 40, tensors: 1, seed: 2);
        var collection = new SliceCollection(one.Slices());
        UInt128 hash = one.Table().Hashes[0];
        collection.Offer("a", one.Table());
        collection.Offer("b", one.Table());
        collection.Next("a");
        Assert.False(collection.Add("a", hash, new byte[16]));
        Assert.Equal((1, 0), (collection.Refused, collection.Held));
        Assert.Null(collection.Next("a"));
        Assert.False(collection.CanHelp("a"));
        Assert.Equal(hash, collection.Next("b")?.Hash);
        Assert.True(collection.Add("b", hash, one.Bytes(hash)));
        Assert.Equal(new Dictionary<string, int> { ["b"] = 1 }, collection.Fetched);
        Assert.True(collection.IsComplete);
    }

    [Fact]
    public void A_slice_that_a_member_no_longer_has_is_requested_from_another_member()
    {
        StateCopy one = States.Of(step: 40, tensors: 1, seed: 2);
        var collection = new SliceCollection(one.Slices());
        collection.Offer("a", one.Table());
        collection.Offer("b", one.Table());
        collection.MarkMissing("a", collection.Next("a")!.Value.Hash);
        Assert.Null(collection.Next("a"));
        Assert.NotNull(collection.Next("b"));
    }

    /// <summary>A bit has flipped in one member. The common slices still come from both.</summary>
    [Fact]
    public void A_member_with_other_slices_of_the_same_step_is_asked_for_the_common_ones()
    {
        StateCopy odd = s_state.With(step: 40, tensor: 0, new byte[16]);
        var collection = new SliceCollection(s_state.Slices());
        Assert.True(collection.Offer("a", s_state.Table()));
        Assert.True(collection.Offer("b", odd.Table()));
        Assert.Equal(Tensors - 1, Rest(collection, "b", odd));
        Assert.False(collection.CanHelp("b"));
        Assert.Equal(1, Rest(collection, "a", s_state));
        Assert.Equal(States.Text(s_state), States.Text(collection.Take()));
    }

    [Fact]
    public void Slices_with_equal_bytes_are_requested_once()
    {
        StateCopy zeros = s_state.With(step: 40, tensor: 3, new byte[16]).With(step: 40, tensor: 7, new byte[16]);
        var collection = new SliceCollection(zeros.Slices());
        collection.Offer("a", zeros.Table());
        Assert.Equal(Tensors - 1, Rest(collection, "a", zeros));
        Assert.Equal(States.Text(zeros), States.Text(collection.Take()));
    }

    [Fact]
    public void A_state_with_another_cut_is_refused() =>
        Assert.Throws<InvalidDataException>(() => new SliceCollection(s_state.Slices()).Offer("a", States.Of(step: 40, Tensors + 1, seed: 1).Table()));

    /// <summary>A collection with some slices from the member a.</summary>
    private static SliceCollection Begun(int slices)
    {
        var collection = new SliceCollection(s_state.Slices());
        collection.Offer("a", s_state.Table());
        for (int i = 0; i < slices; i++)
        {
            UInt128 hash = collection.Next("a")!.Value.Hash;
            Assert.True(collection.Add("a", hash, s_state.Bytes(hash)));
        }
        return collection;
    }

    /// <summary>Lets a member bring all slices that it can.</summary>
    /// <returns>Count of slices.</returns>
    private static int Rest(SliceCollection collection, string member, StateCopy state)
    {
        int count = 0;
        for (; collection.Next(member) is { } slice; count++) Assert.True(collection.Add(member, slice.Hash, state.Bytes(slice.Hash)));
        return count;
    }
}
