using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.Neurons;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Training;

public sealed class ShardEngineTests
{
    private const int Samples = 14;

    [Theory]
    [InlineData(BatchNormMode.Global, 4, 4)]
    [InlineData(BatchNormMode.Global, 4, 2, 2)]
    [InlineData(BatchNormMode.Global, 4, 3, 1)]
    [InlineData(BatchNormMode.Global, 7, 2, 4, 1)]
    [InlineData(BatchNormMode.Shard, 4, 2, 2)]
    [InlineData(BatchNormMode.Shard, 4, 3, 1)]
    [InlineData(BatchNormMode.Shard, 7, 2, 4, 1)]
    public void Every_grouping_of_the_shards_gives_the_same_vectors(BatchNormMode mode, int shards, params int[] groups)
    {
        using var rig = new Rig(mode);
        ShardInput[] inputs = rig.Inputs(shards, Samples);
        byte[][] together = rig.Compute(inputs, [shards]);

        Assert.Equal(together, rig.Compute(inputs, groups));
    }

    [Theory]
    [InlineData(BatchNormMode.Global, 4, 3, 1)]
    [InlineData(BatchNormMode.Shard, 4, 2, 2)]
    public void In_bf16_every_grouping_of_the_shards_gives_the_same_vectors(BatchNormMode mode, int shards, params int[] groups)
    {
        using var rig = new Rig(mode, Precision.Bf16);
        ShardInput[] inputs = rig.Inputs(shards, Samples);
        byte[][] together = rig.Compute(inputs, [shards]);

        Assert.Equal(together, rig.Compute(inputs, groups));
    }

    [Fact]
    public void In_bf16_a_step_has_other_bits_and_nearly_the_same_gradient()
    {
        // The neurons are analogue: a single spike decided by rounding would change the gradient of so small a network by a quarter.
        using Rig exact = new(BatchNormMode.Global, Precision.Fp32, NeuronKind.Pliaf), half = new(BatchNormMode.Global, Precision.Bf16, NeuronKind.Pliaf);
        float[] expected = exact.Sum(exact.Inputs(2, Samples)), actual = half.Sum(half.Inputs(2, Samples));
        int parameters = (int)exact.Network.Layout.ParameterCount;
        double product = 0, left = 0, right = 0;
        for (int i = 0; i < parameters; i++)
        {
            product += (double)expected[i] * actual[i];
            left += (double)expected[i] * expected[i];
            right += (double)actual[i] * actual[i];
        }
        Assert.NotEqual(expected, actual);
        Assert.InRange(product / Math.Sqrt(left * right), 0.98, 0.99999);
    }

    [Theory]
    [InlineData(BatchNormMode.Global)]
    [InlineData(BatchNormMode.Shard)]
    public void A_recomputed_step_gives_the_same_bits(BatchNormMode mode)
    {
        using var rig = new Rig(mode);
        ShardInput[] inputs = rig.Inputs(4, Samples);
        Assert.Equal(rig.Compute(inputs, [4]), rig.Compute(inputs, [4]));
    }

    [Fact]
    public void Global_BatchNorm_over_any_number_of_shards_is_the_gradient_of_the_whole_batch()
    {
        using var rig = new Rig(BatchNormMode.Global);
        float[] whole = rig.Sum(rig.Inputs(1, Samples));
        foreach (int shards in new[] { 2, 4, 6, 7, 8 })
        {
            float[] sum = rig.Sum(rig.Inputs(shards, Samples));
            float largest = whole.Take((int)rig.Network.Layout.ParameterCount).Max(MathF.Abs);
            for (int i = 0; i < rig.Network.Layout.ParameterCount; i++)
                Assert.True(MathF.Abs(sum[i] - whole[i]) <= 2e-5f * largest, $"V={shards}, element {i}: {sum[i]} is not {whole[i]}");
        }
    }

    [Fact]
    public void Shards_without_samples_contribute_exact_zeros_and_no_statistics()
    {
        using var rig = new Rig(BatchNormMode.Global);
        ShardInput[] inputs = rig.Inputs(8, 3);
        using var engine = new ShardEngine(rig.Network, rig.Parameters, rig.Recipe);
        IReadOnlyList<StepVector> vectors = engine.Compute(new(0, 0, 3), inputs, rig.LocalCoupling(inputs));

        Assert.Equal(3, inputs.Count(input => input.Samples.Length > 0));
        for (int v = 0; v < 8; v++)
        {
            bool isEmpty = inputs[v].Samples.Length == 0;
            Assert.Equal(isEmpty ? 0 : 1, vectors[v].FilledShards);
            Assert.Equal(isEmpty, vectors[v].Bytes.IndexOfAnyExcept((byte)0) < 0);
        }
    }

    [Fact]
    public void The_ledger_sum_is_exact_for_any_number_of_shards()
    {
        using var rig = new Rig(BatchNormMode.Shard);
        ulong expected = Ledger.Sum(3, [.. Enumerable.Range(0, Samples)]);
        foreach (int shards in new[] { 1, 3, 8 })
        {
            using var engine = new ShardEngine(rig.Network, rig.Parameters, rig.Recipe);
            IReadOnlyList<StepVector> vectors = engine.Compute(new(40, 3, Samples), rig.Inputs(shards, Samples), null);
            ulong sum = 0;
            foreach (StepVector vector in vectors) sum += vector.LedgerSum;
            Assert.Equal(expected, sum);
            Assert.Equal(Samples, vectors.Sum(vector => vector.Samples));
        }
    }

    [Fact]
    public void A_shard_with_a_NaN_input_is_reported_and_the_others_stay_finite()
    {
        using var rig = new Rig(BatchNormMode.Shard);
        ShardInput[] inputs = rig.Inputs(4, Samples);
        TensorMemory.Span<float>(inputs[2].X_BTCHW!)[17] = float.NaN;
        using var engine = new ShardEngine(rig.Network, rig.Parameters, rig.Recipe);
        IReadOnlyList<StepVector> vectors = engine.Compute(new(0, 0, Samples), inputs, null);
        Assert.Equal([0, 0, 1, 0], vectors.Select(vector => vector.NonFiniteShards));
    }

    [Fact]
    public void A_coupling_that_fails_in_the_backward_pass_aborts_the_step_and_the_next_one_is_right()
    {
        using var rig = new Rig(BatchNormMode.Global);
        ShardInput[] inputs = rig.Inputs(4, Samples);
        byte[][] expected = rig.Compute(inputs, [4]);
        using var engine = new ShardEngine(rig.Network, rig.Parameters, rig.Recipe);

        var thrown = Assert.Throws<IOException>(() => engine.Compute(new(5, 1, Samples), inputs, new LosesPeer(rig.LocalCoupling(inputs))));
        Assert.Equal("peer lost", thrown.Message);

        IReadOnlyList<StepVector> again = engine.Compute(new(5, 1, Samples), inputs, rig.LocalCoupling(inputs));
        Assert.Equal(expected, again.Select(vector => vector.Bytes.ToArray()));
    }

    [Fact]
    public void Live_tensors_are_constant_from_step_to_step()
    {
        using var rig = new Rig(BatchNormMode.Global);
        ShardInput[] inputs = rig.Inputs(4, Samples);
        using var engine = new ShardEngine(rig.Network, rig.Parameters, rig.Recipe);
        var counts = new List<long>();
        for (int step = 0; step < 6; step++)
        {
            engine.Compute(new(step, 0, Samples), inputs, rig.LocalCoupling(inputs));
            counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
        Assert.Single(counts.Skip(1).Distinct());
    }

    private sealed class LosesPeer(IBatchNormCoupling inner) : IBatchNormCoupling
    {
        public BatchMoments Merge(BatchNormLayer layer, IReadOnlyList<BatchMoments> own) => inner.Merge(layer, own);

        public GradientSums Merge(BatchNormLayer layer, IReadOnlyList<GradientSums> own) =>
            layer.Index == 2 ? throw new IOException("peer lost") : inner.Merge(layer, own);
    }

    /// <summary>Couples groups on several threads: each merge waits for all groups, then every group gets the result of the whole tree.</summary>
    private sealed class Rendezvous(int shards, int groups)
    {
        private readonly Barrier _barrier = new(groups);
        private readonly object?[] _leaves = new object?[shards];

        public IBatchNormCoupling Of(IReadOnlyList<int> filled) => new Member(this, filled);

        private T Merge<T>(IReadOnlyList<int> filled, IReadOnlyList<T> own, Func<T, T, T> add) where T : class
        {
            for (int i = 0; i < filled.Count; i++) _leaves[filled[i]] = own[i];
            _barrier.SignalAndWait(TestContext.Current.CancellationToken);
            T sum = SummationTree.Fold([.. _leaves.Select(leaf => (T?)leaf)], add)!;
            _barrier.SignalAndWait(TestContext.Current.CancellationToken);
            return sum;
        }

        private sealed class Member(Rendezvous all, IReadOnlyList<int> filled) : IBatchNormCoupling
        {
            public BatchMoments Merge(BatchNormLayer layer, IReadOnlyList<BatchMoments> own) => all.Merge(filled, own, BatchMoments.Merge);
            public GradientSums Merge(BatchNormLayer layer, IReadOnlyList<GradientSums> own) => all.Merge(filled, own, GradientSums.Add);
        }
    }

    internal sealed class Rig : IDisposable
    {
        private readonly List<Tensor> _tensors = [];

        private readonly Func<ComputeDevice>? _deviceOf;

        public Rig(BatchNormMode mode, Precision precision = Precision.Fp32, NeuronKind neuron = NeuronKind.Plif, Func<ComputeDevice>? deviceOf = null)
        {
            _deviceOf = deviceOf;
            Network = new SpikeformerNetwork(new NetworkOptions
            {
                Strides = [2, 1, 2, 1], Width = 16, Depth = 2, Heads = 2, TimeSteps = 3, Height = 12, FrameWidth = 12, Classes = 5, DropPath = 0.2,
                Neuron = new NeuronOptions { Kind = neuron },
            });
            Parameters = ParameterSet.Create(Network.Layout);
            Initialisation.Fill(Parameters, Network.Options.Neuron, seed: 3);
            Recipe = new Recipe
            {
                Name = "test", Epochs = 1, Batch = Samples, Shards = 4, BatchNorm = mode, Precision = precision, LabelSmoothing = 0.1, Model = new() { DropPath = 0.2 },
                Data = new() { Kind = DataKind.Synthetic, TimeSteps = 3 }, Optimizer = new() { Kind = OptimizerKind.Adam }, Schedule = [],
            };
            LibTorch.UseOnThisThread(1);
        }

        public SpikeformerNetwork Network { get; }
        public ParameterSet Parameters { get; }
        public Recipe Recipe { get; }

        public ShardEngine Engine() => new(Network, Parameters, Recipe, _deviceOf?.Invoke());

        public ShardInput[] Inputs(int shards, int samples)
        {
            var inputs = new ShardInput[shards];
            for (int v = 0; v < shards; v++)
            {
                int[] indices = [.. Enumerable.Range(v * samples / shards, (v + 1) * samples / shards - v * samples / shards)];
                if (indices.Length == 0)
                {
                    inputs[v] = new(v, [], null, null);
                    continue;
                }
                var values = new List<float>();
                foreach (int index in indices)
                {
                    var random = new KeyedRandom(9, RandomPurpose.Synthetic, index);
                    for (int i = 0; i < 3 * 2 * 12 * 12; i++) values.Add(random.NextInt32(4));
                }
                Tensor x = tensor(values.ToArray(), [indices.Length, 3, 2, 12, 12]).DetachFromDisposeScope();
                Tensor y = tensor(indices.Select(i => (long)i % 5).ToArray()).DetachFromDisposeScope();
                _tensors.AddRange([x, y]);
                inputs[v] = new(v, indices, x, y);
            }
            return inputs;
        }

        public LocalBatchNormCoupling LocalCoupling(ShardInput[] inputs) =>
            new(inputs.Length, [.. inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)]);

        /// <summary>Computes the shards in neighbouring groups of the given sizes, each on its own thread with its own engine.</summary>
        public byte[][] Compute(ShardInput[] inputs, int[] groups)
        {
            var vectors = new byte[inputs.Length][];
            var rendezvous = new Rendezvous(inputs.Length, groups.Length);
            var failures = new System.Collections.Concurrent.ConcurrentQueue<Exception>();
            var threads = new List<Thread>();
            int first = 0;
            foreach (int size in groups)
            {
                ShardInput[] own = inputs[first..(first + size)];
                int offset = first;
                threads.Add(new Thread(() =>
                {
                    try
                    {
                        LibTorch.UseOnThisThread(1);
                        using ShardEngine engine = Engine();
                        int[] filled = [.. own.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
                        IReadOnlyList<StepVector> result = engine.Compute(new(5, 1, Samples), own, rendezvous.Of(filled));
                        for (int i = 0; i < result.Count; i++) vectors[offset + i] = result[i].Bytes.ToArray();
                    }
                    catch (Exception exception) { failures.Enqueue(exception); }
                }));
                first += size;
            }
            threads.ForEach(thread => thread.Start());
            threads.ForEach(thread => thread.Join());
            Assert.Empty(failures);
            return vectors;
        }

        public float[] Sum(ShardInput[] inputs, float lossScale = 1)
        {
            using ShardEngine engine = Engine();
            IReadOnlyList<StepVector> vectors = engine.Compute(new(5, 1, Samples, lossScale), inputs, LocalCoupling(inputs));
            float[] sum = new float[vectors[0].Values.NumberOfElements];
            foreach (StepVector vector in vectors)
                for (int i = 0; i < sum.Length; i++) sum[i] += TensorMemory.Span<float>(vector.Values)[i];
            return sum;
        }

        public void Dispose()
        {
            _tensors.ForEach(tensor => tensor.Dispose());
            Parameters.Dispose();
        }
    }
}
