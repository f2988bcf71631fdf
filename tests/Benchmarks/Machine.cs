using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Spikeformer.Devices;

namespace Spikeformer.Benchmarks;

/// <summary>The machine of a measurement.</summary>
internal sealed record Machine(string Processor, int Cores, string VectorWidth, string Runtime, string Allocator, int Threads)
{
    public static bool HasTunedAllocator => ComputeEnvironment.IsSet;

    public static Machine This(int threads) => new(
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line
            ? line.Split(':', 2)[1].Trim() : "unknown",
        Environment.ProcessorCount,
        Vector512.IsHardwareAccelerated ? "AVX-512" : "AVX2",
        RuntimeInformation.FrameworkDescription,
        HasTunedAllocator ? "tuned" : "default",
        threads);

    /// <summary>Runs this program again with the allocator settings, which the allocator reads before Main.</summary>
    public static int RestartWithTunedAllocator(string[] args)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Spikeformer.Benchmarks"), args);
        ComputeEnvironment.ApplyTo(start);
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
