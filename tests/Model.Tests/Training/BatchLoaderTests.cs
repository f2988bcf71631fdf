using Spikeformer.Data;
using Spikeformer.Numerics;
using Spikeformer.Training;
using TorchSharp;
using Xunit;

namespace Spikeformer.Model.Tests.Training;

public sealed class BatchLoaderTests
{
    private const ulong Seed = 11;
    private static readonly EpochOrder Plans = new(Seed, samples: 50, batch: 12, shards: 5);

    [Theory]
    [InlineData(1, 1), InlineData(1, 4), InlineData(3, 2), InlineData(4, 3)]
    public void Batches_have_exactly_the_planned_samples_for_any_number_of_threads(int threads, int readAhead)
    {
        using var loader = new BatchLoader(new IndexDataset(), Split.Train, Plans, Seed, readAhead, threads);
        for (long step = 0; step < 20; step++) Check(loader, step, [0, 1, 2, 3, 4]);
    }

    [Fact]
    public void Any_step_and_any_shards_can_follow()
    {
        using var loader = new BatchLoader(new IndexDataset(), Split.Train, Plans, Seed, threads: 2);
        Check(loader, 1_000_003, [2, 3]);
        Check(loader, 1_000_004, [2, 3]);
        Check(loader, 1_000_004, [0]);         // recomputed for a lost worker
        Check(loader, 1_000_005, [0, 2, 3]);   // the next generation
        Check(loader, 7, [4, 1]);
        Check(loader, 7, [4, 1]);
        Check(loader, 8, []);
        Check(loader, 9, []);
        Check(loader, 10, [4]);
    }

    [Fact]
    public void Several_steps_can_be_held_at_once()
    {
        using var loader = new BatchLoader(new IndexDataset(), Split.Train, Plans, null);
        var held = Enumerable.Range(0, 6).Select(step => loader.Load(step, [0, 3])).ToList();
        foreach (var batch in held) AssertHolds(batch, [0, 3], augmented: false);
        held.ForEach(batch => batch.Dispose());
    }

    [Fact]
    public void A_short_step_leaves_shards_without_samples()
    {
        // 50 samples in batches of 12: the fifth step has 2 for 5 shards.
        using var loader = new BatchLoader(new IndexDataset(), Split.Train, Plans, null);
        using var batch = loader.Load(4, [0, 1, 2, 3, 4]);
        Assert.Equal([0, 0, 1, 0, 1], batch.Inputs.Select(input => input.Samples.Length));
        Assert.Null(batch.Inputs[0].X_BTCHW);
        Assert.Null(batch.Inputs[0].Y_B);
        Assert.Equal(new StepIdentity(4, 0, 2), batch.Identity);
    }

    [Fact]
    public void Memory_is_reused_and_reading_ahead_is_bounded()
    {
        var dataset = new IndexDataset();
        using var loader = new BatchLoader(dataset, Split.Train, Plans, null, readAhead: 3, threads: 2);
        var seen = new HashSet<nint>();
        for (long step = 0; step < 100; step++)
        {
            using var batch = loader.Load(step, [1, 2]);
            foreach (var input in batch.Inputs)
                if (input.X_BTCHW is not null) seen.Add(Address(input.X_BTCHW));
            // In each epoch, shards 1 and 2 read at most 3 steps ahead.
            int allowed = 0;
            for (long s = 0; s <= step + 3; s++) allowed += Plans.Plan(s).Samples(1).Length + Plans.Plan(s).Samples(2).Length;
            Assert.InRange(dataset.Reads, 0, allowed);
        }
        Assert.InRange(seen.Count, 1, (3 + 1) * 2);
    }

    [Fact]
    public void An_error_is_thrown_when_its_step_is_requested_and_a_repeated_request_tries_again()
    {
        int bad = Plans.Plan(2).Samples(3)[0];
        var dataset = new IndexDataset { Bad = bad };
        using var loader = new BatchLoader(dataset, Split.Train, Plans, Seed, readAhead: 3, threads: 2);
        Check(loader, 0, [0, 3]);
        Check(loader, 1, [0, 3]);
        for (int i = 0; i < 2; i++)
        {
            var error = Assert.Throws<SpikeformerException>(() => loader.Load(2, [0, 3]));
            Assert.Equal($"sample {bad}: damaged. Copy it again.", error.Message);
            Assert.Contains(nameof(IndexDataset), error.StackTrace);
        }
        dataset.Bad = -1;
        Check(loader, 2, [0, 3]);
        Check(loader, 3, [0, 3]);
    }

    [Fact]
    public void Evaluation_reads_clean_samples_to_the_end_of_the_split()
    {
        var plans = new EvaluationPlans(samples: 20, shards: 3, microBatch: 4);
        var dataset = new IndexDataset();
        using var loader = new BatchLoader(dataset, Split.Test, plans, null, readAhead: 4);
        var read = new List<int>();
        for (long step = 0; step < plans.Steps; step++)
        {
            using var batch = loader.Load(step, [0, 1, 2]);
            AssertHolds(batch, [0, 1, 2], augmented: false, Split.Test);
            read.AddRange(batch.Inputs.SelectMany(input => input.Samples));
        }
        Assert.Equal(Enumerable.Range(0, 20), read.Order());
        Assert.Equal(20, dataset.Reads);
        Assert.Throws<ArgumentOutOfRangeException>(() => loader.Load(plans.Steps, [0]));
    }

    [Fact]
    public void Wrong_shards_and_steps_are_refused()
    {
        using var loader = new BatchLoader(new IndexDataset(), Split.Train, Plans, null);
        Assert.Throws<ArgumentOutOfRangeException>(() => loader.Load(0, [5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => loader.Load(0, [-1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => loader.Load(-1, [0]));
    }

    [Fact]
    public void Dispose_waits_at_most_for_the_current_sample()
    {
        using var inRead = new SemaphoreSlim(0);
        using var goOn = new ManualResetEventSlim();
        var dataset = new IndexDataset
        {
            OnRead = () =>
            {
                inRead.Release();
                goOn.Wait(TestContext.Current.CancellationToken);
            },
        };
        var loader = new BatchLoader(dataset, Split.Train, Plans, null, readAhead: 4, threads: 2);
        Exception? raised = null;
        var asking = new Thread(() => raised = Record.Exception(() => loader.Load(0, [0, 1, 2, 3, 4])));
        asking.Start();
        inRead.Wait(TestContext.Current.CancellationToken);
        inRead.Wait(TestContext.Current.CancellationToken);
        var disposing = new Thread(loader.Dispose);
        disposing.Start();
        asking.Join(); // Load has noticed that the loader is stopping, so both threads will notice too.
        goOn.Set();
        disposing.Join();
        Assert.IsType<ObjectDisposedException>(raised);
        Assert.Equal(2, dataset.Reads);
        Assert.Throws<ObjectDisposedException>(() => loader.Load(0, [0]));
    }

    [Fact]
    public void A_batch_outlives_its_loader()
    {
        var loader = new BatchLoader(new IndexDataset(), Split.Train, Plans, null);
        var batch = loader.Load(0, [1]);
        loader.Dispose();
        AssertHolds(batch, [1], augmented: false);
        var x = batch.Inputs[0].X_BTCHW!;
        batch.Dispose();
        batch.Dispose();
        Assert.True(x.IsInvalid);
    }

    [Fact]
    public void Tensors_survive_the_engines_dispose_scope()
    {
        using var loader = new BatchLoader(new IndexDataset(), Split.Train, Plans, null, readAhead: 1);
        for (long step = 0; step < 8; step++)
        {
            using var scope = torch.NewDisposeScope();
            using var batch = loader.Load(step, [0, 1]);
            AssertHolds(batch, [0, 1], augmented: false);
        }
    }

    private static void Check(BatchLoader loader, long step, int[] shards)
    {
        using var batch = loader.Load(step, shards);
        Assert.Equal(step, batch.Plan.Step);
        AssertHolds(batch, shards, augmented: true);
    }

    private static void AssertHolds(StepBatch batch, int[] shards, bool augmented, Split split = Split.Train)
    {
        Assert.Equal(shards, batch.Inputs.Select(input => input.Shard));
        foreach (var input in batch.Inputs)
        {
            Assert.Equal(batch.Plan.Samples(input.Shard).ToArray(), input.Samples);
            if (input.Samples.Length == 0) continue;
            Assert.Equal([input.Samples.Length, 2, 1, 1, 1], input.X_BTCHW!.shape);
            float[] expected = [.. input.Samples.SelectMany(sample => IndexDataset.Values(split, sample,
                augmented ? new KeyedRandom(Seed, RandomPurpose.Augmentation, batch.Plan.Epoch, sample) : null))];
            Assert.Equal(expected, TensorMemory.Span<float>(input.X_BTCHW).ToArray());
            Assert.Equal(input.Samples.Select(sample => (long)sample % 7), TensorMemory.Span<long>(input.Y_B!).ToArray());
        }
    }

    private static unsafe nint Address(torch.Tensor tensor) => (nint)TensorMemory.Pointer(tensor);

    /// <summary>Each sample contains its own number and its first augmentation draw.</summary>
    private sealed class IndexDataset : IDataset
    {
        private int _reads;

        public int Reads => _reads;
        public volatile int Bad = -1;
        public Action? OnRead { get; init; }
        public string Name => "index";
        public IReadOnlyList<string> ClassNames => ["0", "1", "2", "3", "4", "5", "6"];
        public SampleShape Shape => new(2, 1, 1, 1);
        public string ContentHash => new('0', 64);
        public int Count(Split split) => split == Split.Train ? 50 : 20;
        public int Label(Split split, int index) => index % 7;

        public static float[] Values(Split split, int index, KeyedRandom? augmentation)
        {
            var random = augmentation ?? default;
            return [index + 1000 * (int)split, augmentation is null ? -1 : random.NextSingle()];
        }

        public void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW)
        {
            Interlocked.Increment(ref _reads);
            OnRead?.Invoke();
            if (index == Bad) throw new SpikeformerException(ErrorKind.CheckFailed, $"sample {index}: damaged", "Copy it again");
            Values(split, index, augmentation).CopyTo(frames_TCHW);
        }

        public void Dispose() { }
    }
}
