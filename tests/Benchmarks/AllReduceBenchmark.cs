using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Benchmarks;

/// <summary>Compares the exact all-reduce over shared memory and TCP with OpenMPI's and Gloo's. All run in turn, in real processes of this machine.</summary>
internal static partial class AllReduceBenchmark
{
    private const string Shared = "ours shared", Tcp = "ours TCP", MpiShared = "OpenMPI shared", MpiTcp = "OpenMPI TCP", Gloo = "Gloo TCP";

    public sealed record Options(int[] WorldSizes, int Rounds, string Peers, string Python, bool Json);

    /// <param name="WorldSize">W, the number of processes.</param>
    /// <param name="Bytes">Size of the vector.</param>
    /// <param name="WireBytes">Bytes that one rank sends.</param>
    /// <param name="SharedFloor">Microseconds that the machine's memory needs to read every partial sum and write every result.</param>
    /// <param name="TcpFloor">Microseconds that bare sockets need for the bytes on the wire.</param>
    /// <param name="Microseconds">Median of the rounds' medians by side; missing for a side that is not installed.</param>
    private sealed record Row(int WorldSize, long Bytes, long WireBytes, double SharedFloor, double TcpFloor, Dictionary<string, double> Microseconds)
    {
        public double Ratio(string peer, string ours) =>
            Microseconds.TryGetValue(peer, out double theirs) && Microseconds.TryGetValue(ours, out double own) ? theirs / own : double.NaN;
    }

    public static void Run(Options options)
    {
        string? mpi = BuildMpi(Path.Combine(options.Peers, "allreduce_mpi.c"));
        string gloo = Path.Combine(options.Peers, "allreduce_gloo.py");
        bool hasGloo = File.Exists(gloo) && TryOutput(new ProcessStartInfo(options.Python, ["-c", "import torch"]) { RedirectStandardOutput = true }) is not null;
        if (mpi is null) Console.Error.WriteLine($"No OpenMPI: mpicc or {options.Peers}/allreduce_mpi.c is missing.");
        if (!hasGloo) Console.Error.WriteLine($"No Gloo: {options.Python} has no torch, or {gloo} is missing.");

        double memoryBytesPerSecond = TransferFloors.MemoryTraffic(), socketBytesPerSecond = TransferFloors.SocketsBothWays();
        var rows = new List<Row>();
        foreach (int worldSize in options.WorldSizes)
        {
            var times = new Dictionary<(string Side, long Bytes), List<double>>();
            for (int round = 0; round < options.Rounds; round++)
            {
                Add(Shared, Ours(worldSize, forceTcp: false));
                if (mpi is not null) Add(MpiShared, Mpi(mpi, worldSize, "vader,self"));
                Add(Tcp, Ours(worldSize, forceTcp: true));
                if (mpi is not null) Add(MpiTcp, Mpi(mpi, worldSize, "tcp,self"));
                if (hasGloo) Add(Gloo, GlooFigures(options.Python, gloo, worldSize));
            }
            rows.AddRange(AllReduceWorker.Sizes.Select(bytes => new Row(worldSize, bytes, 2 * bytes * (worldSize - 1) / worldSize,
                2.0 * worldSize * bytes / memoryBytesPerSecond * 1e6, 2.0 * bytes * (worldSize - 1) / (2 * socketBytesPerSecond) * 1e6,
                times.Where(entry => entry.Key.Bytes == bytes).ToDictionary(entry => entry.Key.Side, entry => Median(entry.Value)))));

            void Add(string side, IEnumerable<AllReduceFigure> figures)
            {
                foreach ((long bytes, double microseconds) in figures)
                {
                    if (!times.TryGetValue((side, bytes), out List<double>? list)) times.Add((side, bytes), list = []);
                    list.Add(microseconds);
                }
            }
        }
        if (options.Json) Console.WriteLine(JsonSerializer.Serialize(new { benchmark = "allreduce", machine = Machine.This(1), options.Rounds, memoryBytesPerSecond, socketBytesPerSecond, rows }));
        else Print(rows, memoryBytesPerSecond, socketBytesPerSecond, options.Rounds);
    }

    private static IEnumerable<AllReduceFigure> Ours(int worldSize, bool forceTcp)
    {
        Process[] processes = [.. Enumerable.Range(0, worldSize).Select(_ => Process.Start(
            new ProcessStartInfo(Environment.ProcessPath!, ["allreduce-worker"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!)];
        int[] ports = [.. processes.Select(process => int.Parse(process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture))];
        var plan = new GroupPlan
        {
            RunHash = 1, GenerationNumber = 1, GenerationNonce = Guid.NewGuid(), Shards = worldSize, OwnRank = 0, Secret = RandomNumberGenerator.GetBytes(32),
            Members = [.. ports.Select((port, rank) => new GroupMember($"rank {rank}", 1, "here", "127.0.0.1", port, rank, rank + 1))],
            Options = new() { ForceTcp = forceTcp },
        };
        for (int rank = 0; rank < worldSize; rank++) processes[rank].StandardInput.WriteLine(JsonSerializer.Serialize(plan with { OwnRank = rank }));
        var figures = JsonSerializer.Deserialize<AllReduceFigure[]>(processes[0].StandardOutput.ReadToEnd())!;
        foreach (Process process in processes)
        {
            process.WaitForExit();
            process.Dispose();
        }
        return figures;
    }

    private static string? BuildMpi(string source)
    {
        string program = Path.Combine(Path.GetTempPath(), $"allreduce-mpi-{Environment.ProcessId}");
        return File.Exists(source) && TryOutput(new ProcessStartInfo("mpicc", ["-O3", "-march=native", source, "-o", program]) { RedirectStandardOutput = true }) is not null
            ? program : null;
    }

    private static IEnumerable<AllReduceFigure> Mpi(string program, int worldSize, string transports) => Figures(
        $"mpirun --allow-run-as-root --oversubscribe --mca pml ob1 --mca btl {transports} --mca btl_tcp_if_include lo -np {worldSize} {program}");

    private static IEnumerable<AllReduceFigure> GlooFigures(string python, string script, int worldSize) => Figures(
        $"export WORLD_SIZE={worldSize} MASTER_ADDR=127.0.0.1 MASTER_PORT=29511 OMP_NUM_THREADS=1; " +
        $"for rank in {string.Join(' ', Enumerable.Range(0, worldSize))}; do RANK=$rank {python} {script} & done; wait");

    /// <summary>Runs peers in a separate network with Reno as the default, which is as fast on one host as the cubic of our sockets. With a system default
    /// of BBR the peers would be half as fast.</summary>
    private static AllReduceFigure[] Figures(string command)
    {
        var start = new ProcessStartInfo("unshare",
            ["-rn", "sh", "-c", $"ip link set lo up; echo reno > /proc/sys/net/ipv4/tcp_congestion_control; {command}"])
        { RedirectStandardOutput = true };
        return [.. FigureLine().Matches(TryOutput(start) ?? throw new InvalidOperationException($"'{command}' failed.")).Select(match =>
            new AllReduceFigure(long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture)))];
    }

    private static string? TryOutput(ProcessStartInfo start)
    {
        try
        {
            using Process process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static void Print(List<Row> rows, double memory, double sockets, int rounds)
    {
        Machine machine = Machine.This(1);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{machine.Processor}, {machine.Cores} cores, {machine.VectorWidth}, {machine.Runtime}; {rounds} rounds; ") +
            string.Create(CultureInfo.InvariantCulture, $"memory traffic {memory / 1e9:F1} GB/s, bare sockets {sockets / 1e9:F2} GB/s each way. Microseconds."));
        Console.WriteLine($"| W | bytes | sent by a rank | {Shared} | floor | {MpiShared} | ratio | Gloo ratio | {Tcp} | floor | {MpiTcp} | ratio | {Gloo} | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (Row row in rows)
            Console.WriteLine($"| {row.WorldSize} | {row.Bytes} | {row.WireBytes} | {Time(row, Shared)} | {Figure(row.SharedFloor)} | {Time(row, MpiShared)} " +
                $"| {Ratio(row, MpiShared, Shared)} | {Ratio(row, Gloo, Shared)} | {Time(row, Tcp)} | {Figure(row.TcpFloor)} | {Time(row, MpiTcp)} | {Ratio(row, MpiTcp, Tcp)} " +
                $"| {Time(row, Gloo)} | {Ratio(row, Gloo, Tcp)} |");

        static string Time(Row row, string side) => Figure(row.Microseconds.GetValueOrDefault(side, double.NaN));
        static string Figure(double value) => value.ToString(value < 100 ? "F1" : "F0", CultureInfo.InvariantCulture);
        static string Ratio(Row row, string peer, string ours) => row.Ratio(peer, ours).ToString("F2", CultureInfo.InvariantCulture);
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    [GeneratedRegex(@"size=(\d+) med_us=([\d.]+)")]
    private static partial Regex FigureLine();
}
