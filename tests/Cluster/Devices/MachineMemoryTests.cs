using Spikeformer.Silo.Devices;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Devices;

public sealed class MachineMemoryTests : IDisposable
{
    private const long MiB = 1 << 20;
    private readonly TemporaryFolder _root = new();

    public MachineMemoryTests() => Write("proc/meminfo", "MemTotal:       24683548 kB\nMemFree:        1 kB\nMemAvailable:   8192 kB\n");

    public void Dispose() => _root.Dispose();

    private MachineMemory Memory => new(_root.Path);

    [Fact]
    public void Without_a_container_the_machine_decides() => Assert.Equal(8 * MiB, Memory.Available());

    [Fact]
    public void A_group_of_version_2_without_a_limit_changes_nothing()
    {
        Write("proc/self/cgroup", "0::/\n");
        Write("sys/fs/cgroup/memory.max", "max\n");
        Write("sys/fs/cgroup/memory.current", $"{MiB}\n");
        Assert.Equal(8 * MiB, Memory.Available());
    }

    [Fact]
    public void A_group_of_version_2_counts_its_reclaimable_files_as_free()
    {
        Write("proc/self/cgroup", "0::/pod\n");
        Write("sys/fs/cgroup/pod/memory.max", $"{6 * MiB}\n");
        Write("sys/fs/cgroup/pod/memory.current", $"{5 * MiB}\n");
        Write("sys/fs/cgroup/pod/memory.stat", $"anon 1\ninactive_file {2 * MiB}\nactive_file 7\n");
        Assert.Equal(3 * MiB, Memory.Available());
        // Where less is left on the machine, that counts.
        Write("proc/meminfo", "MemAvailable: 1024 kB\n");
        Assert.Equal(MiB, Memory.Available());
    }

    [Fact]
    public void A_group_of_version_1_counts_too()
    {
        Write("proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/api/worker\n0::/\n");
        Write("sys/fs/cgroup/memory/api/worker/memory.limit_in_bytes", $"{6 * MiB}\n");
        Write("sys/fs/cgroup/memory/api/worker/memory.usage_in_bytes", $"{4 * MiB}\n");
        Write("sys/fs/cgroup/memory/api/worker/memory.stat", $"inactive_file 9\ntotal_inactive_file {MiB}\n");
        Assert.Equal(3 * MiB, Memory.Available());
    }

    [Fact]
    public void The_tightest_of_the_groups_above_decides_even_when_it_is_full()
    {
        Write("proc/self/cgroup", "0::/slice/pod\n");
        Write("sys/fs/cgroup/slice/pod/memory.max", $"{6 * MiB}");
        Write("sys/fs/cgroup/slice/pod/memory.current", $"{MiB}");
        Write("sys/fs/cgroup/slice/memory.max", $"{4 * MiB}");
        Write("sys/fs/cgroup/slice/memory.current", $"{5 * MiB}");
        Assert.Equal(0, Memory.Available());
    }

    [Fact]
    public void In_a_container_that_shows_the_path_of_its_host_the_mounted_group_decides()
    {
        Write("proc/self/cgroup", "0::/kubepods/pod1/container2\n");
        Write("sys/fs/cgroup/memory.max", $"{6 * MiB}");
        Write("sys/fs/cgroup/memory.current", $"{MiB}");
        Assert.Equal(5 * MiB, Memory.Available());
    }

    [Fact]
    public void A_system_without_such_files_tells_nothing()
    {
        File.Delete(_root["proc/meminfo"]);
        Assert.Equal((null, null), (Memory.Available(), Memory.Own()));
    }

    [Fact]
    public void This_process_uses_less_than_this_machine_has()
    {
        var here = new MachineMemory();
        long before = here.Own()!.Value;
        byte[] taken = GC.AllocateUninitializedArray<byte>(64 << 20, pinned: true);
        taken.AsSpan().Fill(1);
        Assert.InRange(here.Own()!.Value - before, 48 << 20, long.MaxValue);
        Assert.InRange(here.Available()!.Value, MiB, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
        GC.KeepAlive(taken);
    }

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root[file])!);
        File.WriteAllText(_root[file], text);
    }
}
