using System.Globalization;
using System.Text.Json;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Devices;
using Spikeformer.Metrics;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Silo.Metrics;
using Spikeformer.Silo.Worker.Generation;
using Spikeformer.Training;

namespace Spikeformer.Benchmarks;

/// <summary>
/// The cost of a worker's metrics: steps of the demo recipe, alternately with and without metrics, in CPU time of the whole process. The difference is
/// far below the noise of a step, so measuring a step is also timed by itself, and so is the silo's reading, which happens once a second.
/// </summary>
internal static class MetricsBenchmark
{
    private const int WarmUp = 20;

    /// <summary>The figures.</summary>
    /// <param name="Steps">The CPU time of steps with and without metrics.</param>
    /// <param name="MeasuringUs">The CPU time of measuring a step by itself, in microseconds.</param>
    /// <param name="TakingUs">The CPU time in which the silo reads the measurements of twenty steps, in microseconds.</param>
    private sealed record Figures(PairedCost Steps, double MeasuringUs, double TakingUs);

    public static void Run(int pairs, bool asJson)
    {
        Figures figures = Measure(pairs);
        if (asJson)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { benchmark = "metrics", machine = Machine.This(1), figures }));
            return;
        }
        Machine machine = Machine.This(1);
        Console.WriteLine($"{machine.Processor}, {machine.Cores} cores, {machine.VectorWidth}, {machine.Runtime}; {pairs} pairs of steps");
        Console.WriteLine($"{PairedCost.Columns} | measuring a step, us | of a step | silo's reading, us |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{figures.Steps} | {figures.MeasuringUs:F2} | {figures.Steps.Percent(figures.MeasuringUs):F3} % | {figures.TakingUs:F0} |"));
    }

    private static unsafe Figures Measure(int pairs)
    {
        Recipe recipe = RecipeCatalogue.Load("demo");
        LibTorch.UseOnThisThread(recipe.Threads);
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, null, null);
        var network = new SpikeformerNetwork(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        using var state = new TrainingState(network, recipe);
        using var engine = new ShardEngine(network, state.Parameters, recipe);
        var order = new EpochOrder(recipe.Seed, dataset.Count(Split.Train), recipe.Batch, recipe.Shards);
        using var loader = new BatchLoader(dataset, Split.Train, order, recipe.Data.Augmentation == Augmentation.None ? null : recipe.Seed);
        int[] shards = [.. Enumerable.Range(0, recipe.Shards)];

        using var store = new SeriesStore(TimeProvider.System);
        using var reader = new MeasurementReader(store, "benchmark/0", "cpu:0", TimeProvider.System);
        using MeasurementPage page = MeasurementPage.Open(reader.Path);
        using var writer = new MeasurementWriter(page);
        writer.Begin("benchmark");
        var metrics = new StepMetrics(TimeProvider.System);

        for (int step = 0; step < 2 * WarmUp; step++) Step(PairedCost.IsWith(step));
        double[] steps = [.. Enumerable.Range(0, 2 * pairs).Select(step => Step(PairedCost.IsWith(step)))];
        return new(PairedCost.Of(steps), TimeMeasuring(pairs), TimeTaking(pairs));

        double Step(bool isMeasured)
        {
            TimeSpan start = Environment.CpuUsage.TotalTime;
            metrics.Begin(StepPart.Load);
            using StepBatch batch = loader.Load(state.Step, shards);
            metrics.Begin(StepPart.Compute);
            int[] filled = [.. batch.Inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
            IReadOnlyList<StepVector> vectors = engine.Compute(batch.Identity, batch.Inputs, new LocalBatchNormCoupling(recipe.Shards, filled));
            metrics.Begin(StepPart.Reduce);
            SummationTree.FoldInPlace(SummationTree.Root(vectors.Count), vectors.Count, v => ((nint)vectors[v].Pointer, vectors[v].Values.NumberOfElements));
            metrics.Begin(StepPart.Apply);
            state.Apply(batch.Plan, vectors[0]);
            metrics.Begin(StepPart.Tell);
            if (isMeasured) metrics.Committed(batch.Plan, vectors[0], bytes: 0);
            return (Environment.CpuUsage.TotalTime - start).TotalMicroseconds;
        }

        double TimeMeasuring(int times)
        {
            using var vector = new StepVector(network.Layout);
            TimeSpan start = Environment.CpuUsage.TotalTime;
            for (int i = 0; i < times; i++) metrics.Committed(order.Plan(0), vector, bytes: 0);
            return (Environment.CpuUsage.TotalTime - start).TotalMicroseconds / times;
        }

        double TimeTaking(int times)
        {
            reader.Take();
            using var vector = new StepVector(network.Layout);
            double taking = 0;
            for (int i = 0; i < times; i++)
            {
                for (int step = 0; step < 20; step++) metrics.Committed(order.Plan(0), vector, bytes: 0);
                TimeSpan start = Environment.CpuUsage.TotalTime;
                reader.Take();
                taking += (Environment.CpuUsage.TotalTime - start).TotalMicroseconds;
            }
            return taking / times;
        }
    }
}
