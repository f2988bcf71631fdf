namespace Spikeformer.Collectives.Plan;

/// <summary>Identifies processes that can share memory: they run on the same kernel and see the same /dev/shm.</summary>
internal static class HostIdentity
{
    /// <summary>Identity of this process's host: the boot id, and the device number of /dev/shm, which differs between containers.</summary>
    public static string OfThisProcess { get; } = Read();

    private static string Read()
    {
        string boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        // Example of a line: 36 35 0:27 / /dev/shm rw ...
        string device = File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')).LastOrDefault(fields => fields[4] == "/dev/shm") is { } mount
            ? mount[2] : "none";
        return $"{boot}/{device}";
    }
}
