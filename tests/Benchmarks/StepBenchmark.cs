using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Spikeformer.Devices;
using Spikeformer.Recipes;

namespace Spikeformer.Benchmarks;

/// <summary>One training step of the published networks, compared with the same step in PyTorch. Every figure is from its own process; ours and the
/// peer's alternate.</summary>
internal static class StepBenchmark
{
    private static readonly (string Network, int Batch)[] s_networks =
        [("PLIF_spikeformer_7_3x2x3", 2), ("PLIF_spikeformer_7_5x3x1", 1), ("PLIAF_spikeformer_7_3x2x4", 1)];

    public sealed record Options(string? Network, string[] Precisions, int[] Threads, int Steps, int Rounds, string? Peer, string Python, bool Json);

    /// <param name="Ours">Our rounds.</param>
    /// <param name="Peer">The peer's rounds in the same precision; empty if it is not installed.</param>
    private sealed record Row(StepCase Case, List<StepFigures> Ours, List<PeerFigures> Peer)
    {
        public double OursSeconds => Median(Ours.Select(figures => figures.MedianSeconds));
        public double PeerSeconds => Median(Peer.Select(figures => figures.MedianSeconds));
        public double EvaluationSamplesPerSecond => Case.Batch / Median(Ours.Select(figures => figures.EvaluationSeconds));
        public double Ratio => PeerSeconds / OursSeconds;
        public long OursPeakMiB => Ours.Max(figures => figures.PeakMiB);
        public long PeerPeakMiB => Peer.Count == 0 ? 0 : Peer.Min(figures => figures.PeakRssMiB);
    }

    private sealed record PeerFigures(string Peer, double MedianSeconds, double MinSeconds, long PeakRssMiB);

    public static void Run(Options options)
    {
        string? peer = options.Peer is { } path && File.Exists(path) && PythonPeer.Run(options.Python, "-c", "import torch") is not null ? path : null;
        if (peer is null) Console.Error.WriteLine($"No peer: {options.Python} has no torch, or there is no script at '{options.Peer}'. Timing our side alone.");
        var rows = new List<Row>();
        foreach ((string network, int batch) in s_networks.Where(entry => options.Network is null || entry.Network == options.Network))
            foreach (int threads in options.Threads)
            {
                List<Row> here = [.. options.Precisions.Select(name =>
                    new Row(new(network, batch, threads, Enum.Parse<Precision>(name, ignoreCase: true), options.Steps), [], []))];
                for (int round = 0; round < options.Rounds; round++)
                    foreach (Row row in here)
                    {
                        row.Ours.Add(Ours(row.Case));
                        if (peer is not null) row.Peer.Add(Peer(options.Python, peer, row.Case));
                    }
                foreach (Row row in here)
                    if (!options.Json) Print(row, first: rows.Count == 0 && row == here[0]);
                rows.AddRange(here);
            }
        if (options.Json) Console.WriteLine(JsonSerializer.Serialize(new { benchmark = "step", machine = Machine.This(0), options.Steps, options.Rounds, rows }));
    }

    private static StepFigures Ours(StepCase what)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!,
            ["step-worker", what.Network, $"{what.Batch}", $"{what.Threads}", $"{what.Precision}", $"{what.Steps}"])
        { RedirectStandardOutput = true };
        ComputeEnvironment.ApplyTo(start);
        start.Environment["OMP_NUM_THREADS"] = $"{what.Threads}";
        return JsonSerializer.Deserialize<StepFigures>(PythonPeer.Output(start))!;
    }

    private static PeerFigures Peer(string python, string script, StepCase what)
    {
        string output = PythonPeer.Run(python, script, "--network", what.Network, "--batch", $"{what.Batch}", "--threads", $"{what.Threads}", "--steps", $"{what.Steps}", "--dtype", what.Precision == Precision.Bf16 ? "bf16" : "fp32")
            ?? throw new InvalidOperationException("The peer failed.");
        return JsonSerializer.Deserialize<PeerFigures>(output, JsonSerializerOptions.Web)!;
    }

    private static void Print(Row row, bool first)
    {
        if (first)
        {
            Machine machine = Machine.This(0);
            Console.WriteLine($"{machine.Processor}, {machine.Cores} cores, {machine.VectorWidth}, {machine.Runtime}; peer {row.Peer.FirstOrDefault()?.Peer ?? "none"}");
            Console.WriteLine("| network | batch | threads | precision | step s | peer s | ratio | peak MiB | peer MiB | evaluation samples/s |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {row.Case.Network} | {row.Case.Batch} | {row.Case.Threads} | {row.Case.Precision} | {row.OursSeconds:F3} | {row.PeerSeconds:F3} | {row.Ratio:F2} ") +
            string.Create(CultureInfo.InvariantCulture, $"| {row.OursPeakMiB} | {row.PeerPeakMiB} | {row.EvaluationSamplesPerSecond:F2} |"));
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[sorted.Length / 2];
    }
}
