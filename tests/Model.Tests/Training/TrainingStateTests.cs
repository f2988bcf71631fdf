using Spikeformer.Checkpoints;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Training;
using TorchSharp;
using Xunit;

namespace Spikeformer.Model.Tests.Training;

public sealed class TrainingStateTests
{
    private static readonly Recipe Recipe = new()
    {
        Name = "test", Epochs = 4, Batch = 4, Shards = 2, Model = new() { Width = 16, Heads = 2, Depth = 1 },
        Data = new() { Kind = DataKind.Synthetic, TimeSteps = 2 }, Optimizer = new() { Kind = OptimizerKind.Adam, WeightDecay = 1e-3 },
        Schedule = [new() { Base = 1e-2, Kind = ScheduleKind.Constant }, new() { From = 2, Base = 1e-2, Kind = ScheduleKind.Constant, ResetMomentum = true }],
    };

    private static readonly EpochOrder Order = new(1, 10, 4, 2);

    [Fact]
    public void Applying_the_same_vectors_gives_the_same_state_and_digest()
    {
        using TrainingState first = New(), second = New();
        for (int step = 0; step < 5; step++)
        {
            using StepVector vector = Vector(first, step);
            Assert.Equal(first.Apply(Order.Plan(step), vector), second.Apply(Order.Plan(step), vector));
        }
        Assert.Equal(TrainingState.WeightsDigest(first.Snapshot()), TrainingState.WeightsDigest(second.Snapshot()));
    }

    [Fact]
    public void One_changed_bit_in_one_step_changes_every_later_digest()
    {
        using TrainingState first = New(), second = New();
        for (int step = 0; step < 3; step++)
        {
            using StepVector vector = Vector(first, step), other = Vector(first, step);
            if (step == 1) TensorMemory.Span<float>(other.Gradient)[7] = MathF.BitIncrement(TensorMemory.Span<float>(other.Gradient)[7]);
            bool same = first.Apply(Order.Plan(step), vector).Digest == second.Apply(Order.Plan(step), other).Digest;
            Assert.Equal(step == 0, same);
        }
    }

    [Fact]
    public void A_step_with_a_non_finite_shard_is_committed_without_an_update()
    {
        using TrainingState state = New();
        string before = TrainingState.WeightsDigest(state.Snapshot());
        using StepVector vector = Vector(state, 0);
        vector.NonFiniteShards = 1;

        CommittedStep step = state.Apply(Order.Plan(0), vector);

        Assert.Equal(1, step.NonFiniteShards);
        Assert.Equal(before, TrainingState.WeightsDigest(state.Snapshot()));
        Assert.Equal((1L, 0L), (state.Step, state.AppliedUpdates));
        Assert.NotEqual(0UL, state.Ledger);
    }

    [Fact]
    public void A_reset_state_equals_a_new_one_and_trains_the_same_way()
    {
        using TrainingState reset = New(), fresh = New();
        for (int step = 0; step < 3; step++)
        {
            using StepVector vector = Vector(reset, step);
            reset.Apply(Order.Plan(step), vector);
        }
        reset.Reset();
        Assert.Equal(fresh.Counters, reset.Counters);
        Assert.Equal(TrainingState.WeightsDigest(fresh.Snapshot()), TrainingState.WeightsDigest(reset.Snapshot()));
        using StepVector first = Vector(fresh, 0);
        Assert.Equal(fresh.Apply(Order.Plan(0), first), reset.Apply(Order.Plan(0), first));
        Assert.Equal(TrainingState.WeightsDigest(fresh.Snapshot()), TrainingState.WeightsDigest(reset.Snapshot()));
    }

    [Fact]
    public void Weights_of_another_training_start_in_a_later_epoch_with_a_new_optimizer()
    {
        using TrainingState trained = New(), begun = New(firstStep: 3), fresh = New();
        for (int step = 0; step < 3; step++) Step(trained, step);
        Dictionary<string, StateTensor> weights = trained.Snapshot().Where(tensor => tensor.Group == StateTensor.NetworkGroup).ToDictionary(tensor => tensor.Name);
        begun.RestoreNetwork(weights);
        fresh.RestoreNetwork(weights);
        Assert.Equal((3L, 3L, false), (begun.FirstStep, begun.Step, begun.HasBegun));
        Assert.Equal(new StateCounters(3, 0, 0, new string('0', 32)), begun.Counters);

        // The same vector as step 0 of a new run, then as step 3 of the run that starts there and of the run that continues.
        using StepVector vector = Vector(trained, 3);
        Assert.Equal(0, fresh.Apply(Order.Plan(0), vector).Epoch);
        CommittedStep first = begun.Apply(Order.Plan(3), vector);
        trained.Apply(Order.Plan(3), vector);
        Assert.Equal((4L, 1), (first.Step, first.Epoch));
        Assert.Equal((4L, 1L, true), (begun.Step, begun.AppliedUpdates, begun.HasBegun));
        Assert.Equal(TrainingState.WeightsDigest(fresh.Snapshot()), TrainingState.WeightsDigest(begun.Snapshot()));
        Assert.NotEqual(TrainingState.WeightsDigest(trained.Snapshot()), TrainingState.WeightsDigest(begun.Snapshot()));

        begun.Reset();
        Assert.Equal((3L, false), (begun.Step, begun.HasBegun));
    }

    [Fact]
    public void A_state_has_begun_with_its_first_step_even_if_that_made_no_update()
    {
        using TrainingState state = New(firstStep: 3), restored = New();
        using StepVector vector = Vector(state, 3);
        vector.NonFiniteShards = 1;
        Assert.Equal(0UL, state.Ledger);
        state.Apply(Order.Plan(3), vector);
        Assert.Equal((0L, true), (state.AppliedUpdates, state.HasBegun));
        restored.Restore(Checkpoint(state));
        Assert.True(restored.HasBegun);
    }

    [Fact]
    public void Any_flipped_bit_changes_the_hash_of_the_state()
    {
        using TrainingState state = New();
        using StepVector vector = Vector(state, 0);
        state.Apply(Order.Plan(0), vector);
        ulong whole = state.Hash();
        Assert.Equal(whole, state.Hash());
        foreach (torch.Tensor part in (torch.Tensor[])[state.Parameters.Values, state.Running.Mean, state.Running.Variance])
            foreach (int at in (int[])[0, (int)part.NumberOfElements - 1])
            {
                ref int bits = ref System.Runtime.CompilerServices.Unsafe.As<float, int>(ref TensorMemory.Span<float>(part)[at]);
                bits ^= 1;
                Assert.NotEqual(whole, state.Hash());
                bits ^= 1;
            }
        Assert.Equal(whole, state.Hash());
        // Another moment: one more update of the same weights.
        using TrainingState other = New();
        other.Restore(state.Counters, [.. state.Snapshot().Select(tensor => tensor.Name.StartsWith("optimizer/", StringComparison.Ordinal) && tensor.Type == TensorType.F32
            ? tensor with { Data = tensor.Data.ToArray().Select((value, i) => i == 0 ? (byte)(value ^ 1) : value).ToArray() } : tensor)], "a test");
        Assert.NotEqual(whole, other.Hash());
    }

    [Fact]
    public void Only_the_next_step_with_all_its_samples_is_applied()
    {
        using TrainingState state = New();
        using StepVector vector = Vector(state, 0);
        Assert.Throws<InvalidOperationException>(() => state.Apply(Order.Plan(1), vector));
        vector.Samples = 3;
        Assert.Throws<InvalidOperationException>(() => state.Apply(Order.Plan(0), vector));
        Assert.Equal(0, state.Step);
    }

    [Fact]
    public void A_restored_state_continues_with_the_same_bits_across_a_momentum_reset()
    {
        using TrainingState straight = New(), resumed = New(), begun = New();
        int last = 3 * Order.StepsPerEpoch;
        for (int step = 0; step < last; step++) Step(straight, step);
        for (int step = 0; step < 7; step++) Step(begun, step);
        resumed.Restore(Checkpoint(begun));
        for (int step = 7; step < last; step++) Step(resumed, step);

        Assert.Equal((straight.Digest, straight.Ledger, straight.AppliedUpdates), (resumed.Digest, resumed.Ledger, resumed.AppliedUpdates));
        Assert.Equal(TrainingState.WeightsDigest(straight.Snapshot()), TrainingState.WeightsDigest(resumed.Snapshot()));
    }

    [Fact]
    public void A_snapshot_in_reused_memory_has_the_current_state()
    {
        using TrainingState state = New();
        IReadOnlyList<StateTensor> used = state.Snapshot();
        Step(state, 0);
        Assert.Equal(TrainingState.WeightsDigest(state.Snapshot()), TrainingState.WeightsDigest(state.Snapshot(used)));
    }

    [Fact]
    public void In_fp16_the_loss_scale_follows_the_verdict_and_is_part_of_the_state()
    {
        using TrainingState state = New(precision: Precision.Fp16), restored = New(precision: Precision.Fp16);
        Assert.Equal(65536, state.LossScale);
        ulong hash = state.Hash();
        using (StepVector vector = Vector(state, 0))
        {
            vector.NonFiniteShards = 1;
            state.Apply(Order.Plan(0), vector);
        }
        Assert.Equal(32768, state.LossScale);
        Step(state, 1);
        Assert.Equal(32768, state.LossScale);

        restored.Restore(Checkpoint(state));
        Assert.Equal((32768f, state.Hash()), (restored.LossScale, restored.Hash()));
        Assert.Equal(TrainingState.WeightsDigest(state.Snapshot()), TrainingState.WeightsDigest(restored.Snapshot()));
        state.Reset();
        Assert.Equal((65536f, hash), (state.LossScale, state.Hash()));
    }

    [Fact]
    public void In_other_precisions_nothing_is_scaled_and_no_scale_is_saved()
    {
        using TrainingState state = New();
        using StepVector vector = Vector(state, 0);
        vector.NonFiniteShards = 1;
        state.Apply(Order.Plan(0), vector);
        Assert.Equal(1, state.LossScale);
        Assert.DoesNotContain(state.Snapshot(), tensor => tensor.Name == "optimizer/lossScale");
    }

    [Fact]
    public void A_checkpoint_of_another_precision_names_the_loss_scale()
    {
        using TrainingState single = New(), half = New(precision: Precision.Fp16);
        var error = Assert.Throws<SpikeformerException>(() => single.Restore(Checkpoint(half)));
        Assert.Contains("optimizer/lossScale F32 []", error.Message);
    }

    [Fact]
    public void The_ledger_after_an_epoch_is_the_sum_over_its_samples()
    {
        using TrainingState state = New();
        for (int step = 0; step < Order.StepsPerEpoch; step++) Step(state, step);
        Assert.Equal(Ledger.Sum(0, [.. Enumerable.Range(0, 10)]), state.Ledger);
    }

    [Fact]
    public void A_checkpoint_of_another_network_is_refused_with_every_difference_and_nothing_changes()
    {
        using TrainingState state = New(), other = New(width: 32);
        string before = TrainingState.WeightsDigest(state.Snapshot());
        var error = Assert.Throws<SpikeformerException>(() => state.Restore(Checkpoint(other)));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.Contains("model.pos_embed", error.Message);
        Assert.Equal(before, TrainingState.WeightsDigest(state.Snapshot()));
    }

    private static void Step(TrainingState state, int step)
    {
        using StepVector vector = Vector(state, step);
        state.Apply(Order.Plan(step), vector);
    }

    private static TrainingState New(int width = 16, Precision precision = Precision.Fp32, long firstStep = 0) => new(new SpikeformerNetwork(new NetworkOptions
    {
        Strides = [2, 1], Width = width, Depth = 1, Heads = 2, TimeSteps = 2, Height = 8, FrameWidth = 8, Classes = 3,
    }), Recipe with { Precision = precision }, firstStep);

    private static StepVector Vector(TrainingState state, int step)
    {
        var vector = new StepVector(state.Network.Layout);
        var random = new KeyedRandom(3, RandomPurpose.Synthetic, step);
        foreach (ref float value in TensorMemory.Span<float>(vector.Gradient)) value = (float)random.NextDouble(-1, 1);
        StepPlan plan = Order.Plan(step);
        foreach (ref float value in vector.BatchMeans) value = (float)random.NextDouble(-1, 1);
        foreach (ref float value in vector.BatchVariances) value = (float)random.NextDouble(1, 2);
        (vector.Samples, vector.FilledShards) = (plan.Count, 2);
        vector.LedgerSum = Ledger.Sum(plan.Epoch, [.. plan.Samples(0), .. plan.Samples(1)]);
        return vector;
    }

    private static Checkpoint Checkpoint(TrainingState state) => new(new CheckpointId(state.Step, 0), new CheckpointInfo
    {
        Run = "test", Step = state.Step, Epoch = 0, StepInEpoch = 0, AppliedUpdates = state.AppliedUpdates, StepDigest = state.Digest,
        LedgerDigest = state.Ledger.ToString("x16"), WeightsDigest = "", Recipe = default, RecipeHash = "", DataHash = "",
    }, state.Snapshot());
}
