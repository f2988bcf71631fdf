using FsCheck;
using FsCheck.Fluent;
using FsCheck.Xunit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Training;

public sealed class EpochOrderTests
{
    private static int Small(PositiveInt number, int limit) => (number.Get - 1) % limit + 1;

    [Property(MaxTest = 300)]
    public void Every_epoch_uses_every_sample_once_for_any_number_of_shards(ulong seed, PositiveInt samples, PositiveInt batch, PositiveInt shards)
    {
        var (n, b, V) = (Small(samples, 200), Small(batch, 70), Small(shards, 20));
        var order = new EpochOrder(seed, n, b, V);
        Assert.Equal((n + b - 1) / b, order.StepsPerEpoch);
        for (int epoch = 0; epoch < 2; epoch++)
        {
            var used = new List<int>();
            for (int i = 0; i < order.StepsPerEpoch; i++)
            {
                var plan = order.Plan((long)epoch * order.StepsPerEpoch + i);
                Assert.Equal((epoch, i, V, Math.Min(b, n - i * b)), (plan.Epoch, plan.StepInEpoch, plan.Shards, plan.Count));
                int before = used.Count;
                for (int v = 0; v < V; v++)
                {
                    Assert.InRange(plan.Samples(v).Length, plan.Count / V, Math.Min(order.MaxShardSamples, (plan.Count + V - 1) / V));
                    used.AddRange(plan.Samples(v));
                }
                Assert.Equal(plan.Count, used.Count - before);
            }
            used.Sort();
            Assert.Equal(Enumerable.Range(0, n), used);
        }
    }

    [Property(MaxTest = 100)]
    public void A_steps_samples_do_not_depend_on_the_shards(ulong seed, PositiveInt samples, PositiveInt batch, PositiveInt shards, byte step)
    {
        var (n, b, V) = (Small(samples, 200), Small(batch, 70), Small(shards, 20));
        var cut = new EpochOrder(seed, n, b, V).Plan(step);
        var all = Enumerable.Range(0, V).SelectMany(v => cut.Samples(v).ToArray());
        Assert.Equal(new EpochOrder(seed, n, b, 1).Plan(step).Samples(0).ToArray(), all);
    }

    [Fact]
    public void Shards_take_the_documented_slices()
    {
        // n = 10, V = 4: floor(v*10/4) = 0, 2, 5, 7, 10
        Assert.Equal([(0, 2), (2, 5), (5, 7), (7, 10)], Enumerable.Range(0, 4).Select(v => StepPlan.Slice(10, 4, v)));
        Assert.Equal((1_999_999_992, 2_000_000_000), StepPlan.Slice(2_000_000_000, 250_000_000, 249_999_999));
        Assert.Throws<ArgumentOutOfRangeException>(() => StepPlan.Slice(10, 4, 4));
    }

    [Fact]
    public void Seeds_and_epochs_have_different_orders()
    {
        static int[] First(ulong seed, long step) => new EpochOrder(seed, 100, 100, 1).Plan(step).Samples(0).ToArray();
        Assert.Equal(First(1, 0), First(1, 0));
        Assert.NotEqual(First(1, 0), First(1, 1));
        Assert.NotEqual(First(1, 0), First(2, 0));
    }

    [Fact]
    public void Steps_can_be_requested_in_any_order()
    {
        var order = new EpochOrder(7, 10, 3, 2);
        var forward = Enumerable.Range(0, 12).Select(step => order.Plan(step).Samples(1).ToArray()).ToList();
        for (int step = 11; step >= 0; step--) Assert.Equal(forward[step], order.Plan(step).Samples(1).ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => order.Plan(-1));
    }
}
