namespace Spikeformer.Collectives.Plan;

/// <summary>Tells which processes can share memory: those with the same running kernel and the same /dev/shm.</summary>
public static class HostIdentity
{
    /// <summary>Identity of this process's host: boot id and device number of /dev/shm, which differs between containers.</summary>
    public static string OfThisProcess { get; } = Read();

    private static string Read()
    {
        string boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        // A line reads: 36 35 0:27 / /dev/shm rw ...
        string device = File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ')).LastOrDefault(fields => fields[4] == "/dev/shm") is { } mount
            ? mount[2] : "none";
        return $"{boot}/{device}";
    }
}
