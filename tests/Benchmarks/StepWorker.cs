using System.Diagnostics;
using System.Text.Json;
using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.Recipes;
using Spikeformer.Training;
using static TorchSharp.torch;

namespace Spikeformer.Benchmarks;

/// <summary>A timed case: one published network at one batch size.</summary>
internal sealed record StepCase(string Network, int Batch, int Threads, Precision Precision, int Steps);

/// <summary>The figures of one process, defined as for the peer.</summary>
/// <param name="MedianSeconds">The median of the timed steps: forward, backward, fold and optimizer, with data in memory.</param>
/// <param name="LeastSeconds">The shortest timed step.</param>
/// <param name="EvaluationSeconds">The median of evaluation passes over one batch; 0 if not measured.</param>
/// <param name="PeakMiB">The peak resident memory of the process during the training steps.</param>
internal sealed record StepFigures(double MedianSeconds, double LeastSeconds, double EvaluationSeconds, long PeakMiB);

/// <summary>Times training steps of a published network in this process.</summary>
internal static class StepWorker
{
    private const int WarmUp = 2;

    public static void Run(StepCase what)
    {
        LibTorch.UseOnThisThread(what.Threads);
        PublishedVariant variant = PublishedVariants.Find(what.Network)!;
        bool isImage = variant.InputChannels == 3;
        var recipe = new Recipe
        {
            Name = "step", Epochs = 1000, Batch = what.Batch, Shards = 1, Threads = what.Threads, Precision = what.Precision, LabelSmoothing = 0.1,
            Model = variant.Model with { DropPath = 0 },
            Data = new DataRecipe { Kind = isImage ? DataKind.ImageFolder : DataKind.DvsGesture, TimeSteps = variant.TimeSteps },
            Optimizer = new OptimizerRecipe { Kind = isImage ? OptimizerKind.Sgd : OptimizerKind.Adam, WeightDecay = 1e-4 },
            Schedule = [new ScheduleSegment { Base = 1e-3, Kind = ScheduleKind.Constant }],
        };
        var shape = new SampleShape(isImage ? 1 : variant.TimeSteps, variant.InputChannels, variant.ImageSide, variant.ImageSide);
        var network = new SpikeformerNetwork(NetworkOptions.From(recipe.Model, variant.TimeSteps, shape, variant.Classes));
        using var state = new TrainingState(network, recipe);
        using var engine = new ShardEngine(network, state.Parameters, recipe);
        using var generator = new Generator(1);
        Tensor x = isImage
            ? randn([what.Batch, 1, 3, shape.Height, shape.Width], generator: generator)
            : rand([what.Batch, shape.TimeSteps, 2, shape.Height, shape.Width], generator: generator).mul(2).poisson(generator);
        Tensor y = zeros([what.Batch], ScalarType.Int64);
        int[] samples = [.. Enumerable.Range(0, what.Batch)];
        var order = new EpochOrder(1, what.Batch, what.Batch, 1);

        var seconds = new List<double>();
        for (int i = 0; i < what.Steps + WarmUp; i++)
        {
            long start = Stopwatch.GetTimestamp();
            IReadOnlyList<StepVector> vectors = engine.Compute(
                new StepIdentity(i, i, what.Batch), [new ShardInput(0, samples, x, y)], new LocalBatchNormCoupling(1, [0]));
            state.Apply(order.Plan(i), vectors[0]);
            if (i >= WarmUp) seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        long peak = PeakMiB();
        var evaluation = new List<double>();
        for (int i = 0; i < what.Steps + WarmUp; i++)
        {
            long start = Stopwatch.GetTimestamp();
            network.Evaluate(state.Parameters, state.Running, x, what.Precision).Dispose();
            if (i >= WarmUp) evaluation.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        Console.WriteLine(JsonSerializer.Serialize(new StepFigures(Median(seconds), seconds.Min(), Median(evaluation), peak)));
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    private static long PeakMiB()
    {
        string line = File.ReadLines("/proc/self/status").First(text => text.StartsWith("VmHWM", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) / 1024;
    }
}
