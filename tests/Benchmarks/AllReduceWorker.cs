using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;

namespace Spikeformer.Benchmarks;

/// <summary>Median time of a reduction of one size. The time of a call is the longest of all ranks, after a barrier.</summary>
internal sealed record AllReduceFigure(long Bytes, double Microseconds);

/// <summary>One process of the all-reduce benchmark. It prints its port and reads the plan. Rank 0 prints the figures.</summary>
internal static unsafe class AllReduceWorker
{
    /// <summary>Sizes and repetitions, the same as the peers'.</summary>
    public static readonly IReadOnlyList<long> Sizes = [4096, 65536, 1 << 20, 16 << 20, 40_000_000, 160_000_000];

    public static void Run()
    {
        using var listener = new DataListener(IPAddress.Loopback);
        Console.WriteLine(listener.Port);
        GroupPlan plan = JsonSerializer.Deserialize<GroupPlan>(Console.ReadLine()!)!;
        using Group group = Group.Connect(plan, listener, TimeSpan.FromSeconds(20));
        if (plan.OwnRank == 0)
            foreach (string warning in group.Warnings) Console.Error.WriteLine(warning);

        long largest = Sizes[^1];
        float* partial = Allocate(largest, plan.OwnRank + 0.5f), result = Allocate(largest, 0);
        NodeVector[] own = [new(group.OwnNodes[0].Node, (nint)partial)];
        long step = 0;
        var figures = new List<AllReduceFigure>();
        foreach (long bytes in Sizes)
        {
            int repeat = bytes <= 65536 ? 400 : bytes <= 1 << 20 ? 100 : bytes <= 16 << 20 ? 15 : 7, warmUp = repeat > 50 ? 200 : 3;
            var times = new List<double>();
            for (int i = -warmUp; i < repeat; i++)
            {
                Exchange(0);
                long start = Stopwatch.GetTimestamp();
                group.AllReduce(++step, 0, own, result, bytes / sizeof(float));
                double own1 = Stopwatch.GetElapsedTime(start).TotalMicroseconds, longest = Exchange(own1);
                if (i >= 0) times.Add(longest);
            }
            if (result[0] != plan.WorldSize * plan.WorldSize / 2f || result[bytes / sizeof(float) - 1] != result[0]) throw new InvalidOperationException("Wrong sum.");
            times.Sort();
            figures.Add(new(bytes, times[times.Count / 2]));
        }
        if (plan.OwnRank == 0) Console.WriteLine(JsonSerializer.Serialize(figures));

        // A barrier that also exchanges the ranks' times.
        double Exchange(double value)
        {
            NodePayloads all = group.ExchangeNodes(++step, 0, sizeof(double), MemoryMarshal.AsBytes(new ReadOnlySpan<double>(in value)));
            double longest = 0;
            for (int i = 0; i < all.Count; i++) longest = Math.Max(longest, MemoryMarshal.Read<double>(all[i]));
            return longest;
        }
    }

    private static float* Allocate(long bytes, float value)
    {
        float* memory = (float*)NativeMemory.AlignedAlloc((nuint)bytes, 4096);
        new Span<float>(memory, (int)(bytes / sizeof(float))).Fill(value);
        return memory;
    }
}
