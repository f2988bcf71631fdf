using System.Diagnostics;

namespace Spikeformer.Devices;

/// <summary>
/// Environment variables for a process that trains. They are read before Main, so whoever starts the process sets them: the launcher for a
/// person at a terminal, an agent for its workers.
/// </summary>
public static class ComputeEnvironment
{
    /// <summary>Names and values. None changes a result.</summary>
    /// <remarks>Freed tensors stay with the process instead of going back to the system page by page, and lie on huge pages: without that
    /// a fifth (small networks) to a half of a step is spent in page faults. Idle OpenMP threads sleep, so that workers share cores.</remarks>
    public static IReadOnlyList<(string Name, string Value)> Variables { get; } =
    [
        ("MALLOC_MMAP_THRESHOLD_", "4000000000"),
        ("MALLOC_TRIM_THRESHOLD_", "8000000000"),
        ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
        ("OMP_WAIT_POLICY", "passive"),
    ];

    /// <summary>Sets what the parent's environment does not set already.</summary>
    public static void ApplyTo(ProcessStartInfo start)
    {
        foreach ((string name, string value) in Variables) start.Environment.TryAdd(name, value);
    }

    /// <summary>Whether this process was started with all of them, whatever their values.</summary>
    public static bool IsSet => Variables.All(variable => Environment.GetEnvironmentVariable(variable.Name) is { Length: > 0 });
}
