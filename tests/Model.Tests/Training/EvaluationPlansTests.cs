using FsCheck;
using FsCheck.Xunit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Training;

public sealed class EvaluationPlansTests
{
    [Property(MaxTest = 300)]
    public void Every_sample_is_evaluated_once_in_order_within_its_shard(byte samples, PositiveInt shards, PositiveInt microBatch)
    {
        int V = (shards.Get - 1) % 20 + 1, m = (microBatch.Get - 1) % 40 + 1;
        var plans = new EvaluationPlans(samples, V, m);
        var used = new List<int>[V];
        for (int v = 0; v < V; v++) used[v] = [];
        for (long step = 0; step < plans.Steps; step++)
        {
            var plan = plans.Plan(step);
            Assert.Equal(samples, plan.Count);
            bool any = false;
            for (int v = 0; v < V; v++)
            {
                Assert.InRange(plan.Samples(v).Length, 0, plans.MaxShardSamples);
                used[v].AddRange(plan.Samples(v));
                any |= plan.Samples(v).Length > 0;
            }
            Assert.True(any, "There is a step without samples.");
        }
        for (int v = 0; v < V; v++)
            Assert.Equal(Enumerable.Range(v * samples / V, (v + 1) * samples / V - v * samples / V), used[v]);
    }

    [Fact]
    public void Steps_beyond_the_end_are_refused()
    {
        var plans = new EvaluationPlans(10, 2, 3, epoch: 5);
        Assert.Equal((2, 5), (plans.Steps, plans.Plan(1).Epoch));
        Assert.Throws<ArgumentOutOfRangeException>(() => plans.Plan(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => plans.Plan(-1));
    }
}
