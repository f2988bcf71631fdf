using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Spikeformer.Benchmarks;

/// <summary>What a measurement was made on.</summary>
internal sealed record Machine(string Processor, int Cores, string VectorWidth, string Runtime, string Allocator, int Threads)
{
    /// <summary>glibc keeps freed memory instead of giving it back, so that large results do not fault in their pages every time.</summary>
    private static readonly (string Name, string Value)[] s_allocator =
    [
        ("MALLOC_MMAP_THRESHOLD_", "4000000000"),
        ("MALLOC_TRIM_THRESHOLD_", "8000000000"),
        ("MALLOC_TOP_PAD_", "268435456"),
    ];

    public static bool HasTunedAllocator => s_allocator.All(setting => Environment.GetEnvironmentVariable(setting.Name) == setting.Value);

    public static Machine This(int threads) => new(
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal)) is { } line
            ? line.Split(':', 2)[1].Trim() : "unknown",
        Environment.ProcessorCount,
        Vector512.IsHardwareAccelerated ? "AVX-512" : "AVX2",
        RuntimeInformation.FrameworkDescription,
        HasTunedAllocator ? "tuned" : "default",
        threads);

    /// <summary>The allocator reads its settings before Main: runs this program again with them.</summary>
    public static int RestartWithTunedAllocator(string[] args)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Spikeformer.Benchmarks"), args);
        foreach ((string name, string value) in s_allocator) start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
