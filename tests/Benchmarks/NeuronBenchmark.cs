using System.Globalization;
using System.Text.Json;
using Spikeformer.Neurons;
using Spikeformer.Recipes;
using static TorchSharp.torch;

namespace Spikeformer.Benchmarks;

/// <summary>Multi-step neurons over N = 10^6 elements per time step.</summary>
internal static class NeuronBenchmark
{
    private const long Elements = 1_000_000;

    /// <param name="Kernel">The fused kernel with preallocated results, ms.</param>
    /// <param name="KernelFresh">The fused kernel with a new result tensor, as in training, ms.</param>
    /// <param name="Libtorch">The same computation in libtorch operations, ms.</param>
    /// <param name="Floor">One sequential pass over the same number of bytes, ms.</param>
    private sealed record Row(string Neuron, int TimeSteps, string Pass,
        Alternation.Time Kernel, Alternation.Time KernelFresh, Alternation.Time Libtorch, Alternation.Time Floor)
    {
        public double TimesLibtorch => Libtorch.Median / KernelFresh.Median;
        public double TimesFloor => Kernel.Median / Floor.Median;
        public double TimesFloorLeast => Kernel.Least / Floor.Least;
    }

    public static void Run(int threads, int rounds, bool json)
    {
        set_num_threads(threads);
        var rows = new List<Row>();
        foreach (int steps in new[] { 4, 16 })
            foreach (NeuronKind kind in new[] { NeuronKind.Plif, NeuronKind.Pliaf })
                rows.AddRange(Measure(kind, steps, rounds));
        var machine = Machine.This(threads);
        if (json) Console.WriteLine(JsonSerializer.Serialize(new { benchmark = "neurons", machine, elements = Elements, rounds, rows }));
        else Print(machine, rounds, rows);
    }

    private static Row[] Measure(NeuronKind kind, int steps, int rounds)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var options = new NeuronOptions { Kind = kind };
        const double decay = 0.5;
        using var generator = new Generator(1);
        Tensor x = randn([steps, Elements], generator: generator).mul_(1.5), dy = randn([steps, Elements], generator: generator);
        Tensor y = zeros_like(x), dx = zeros_like(x);
        Tensor potentials = NeuronOperations.Forward(x, null, decay, options).Potentials;

        Alternation.Time[] forward = Alternation.Run(rounds,
            () => NeuronKernels.Forward(x, y, decay, options),
            () => { using Tensor fresh = empty_like(x); NeuronKernels.Forward(x, fresh, decay, options); },
            () => { using var inner = NewDisposeScope(); NeuronOperations.Forward(x, null, decay, options); },
            () => Bandwidth.Scale(x, y));
        Alternation.Time[] backward = Alternation.Run(rounds,
            () => NeuronKernels.Backward(x, dy, dx, decay, options),
            () => { using Tensor fresh = empty_like(x); NeuronKernels.Backward(x, dy, fresh, decay, options); },
            () => { using var inner = NewDisposeScope(); NeuronOperations.Backward(x, null, potentials, dy, null, decay, options); },
            () => Bandwidth.Triad(x, dy, dx));
        return
        [
            new(kind.ToString().ToUpperInvariant(), steps, "forward", forward[0], forward[1], forward[2], forward[3]),
            new(kind.ToString().ToUpperInvariant(), steps, "backward", backward[0], backward[1], backward[2], backward[3]),
        ];
    }

    private static void Print(Machine machine, int rounds, List<Row> rows)
    {
        Console.WriteLine($"{machine.Processor}, {machine.Cores} cores, {machine.VectorWidth}, {machine.Runtime}, " +
            $"{machine.Allocator} allocator");
        Console.WriteLine($"N = {Elements} elements per time step, {machine.Threads} thread(s), " +
            $"medians (least) in ms of {rounds} alternating rounds");
        Console.WriteLine();
        Console.WriteLine("| neuron | T | pass | kernel | kernel, fresh result | libtorch | floor | libtorch / fresh | kernel / floor |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (Row row in rows)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {row.Neuron} | {row.TimeSteps} | {row.Pass} | {Text(row.Kernel)} | {Text(row.KernelFresh)} | {Text(row.Libtorch)} ") +
                string.Create(CultureInfo.InvariantCulture, $"| {Text(row.Floor)} | {row.TimesLibtorch:F1} | {row.TimesFloor:F2} ({row.TimesFloorLeast:F2}) |"));
    }

    private static string Text(Alternation.Time time) => string.Create(CultureInfo.InvariantCulture, $"{time.Median:F2} ({time.Least:F2})");
}
