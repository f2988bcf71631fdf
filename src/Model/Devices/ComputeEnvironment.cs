using System.Diagnostics;

namespace Spikeformer.Devices;

/// <summary>Environment variables for a process that trains. The C library and OpenMP read them before Main, so the parent process must set them: the launcher
/// for a command, the silo for its workers.</summary>
public static class ComputeEnvironment
{
    /// <summary>Names and values. They affect speed only, never a result.</summary>
    /// <remarks>The process keeps the memory of freed tensors, on huge pages. Otherwise page faults take a fifth (small networks) to a half of
    /// a step. Idle OpenMP threads sleep, so that workers can share cores.</remarks>
    public static IReadOnlyList<(string Name, string Value)> Variables { get; } =
    [
        ("MALLOC_MMAP_THRESHOLD_", "4000000000"),
        ("MALLOC_TRIM_THRESHOLD_", "8000000000"),
        ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
        ("OMP_WAIT_POLICY", "passive"),
    ];

    /// <summary>Adds the variables that the process's environment does not set yet.</summary>
    public static void ApplyTo(ProcessStartInfo start)
    {
        foreach ((string name, string value) in Variables) start.Environment.TryAdd(name, value);
    }

    /// <summary>Whether this process was started with all variables set, to any value.</summary>
    public static bool IsSet => Variables.All(variable => Environment.GetEnvironmentVariable(variable.Name) is { Length: > 0 });
}
