using System.Diagnostics;
using Spikeformer.Checkpoints;
using Spikeformer.Files;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

/// <summary>A real file system of 8 MB that fills up.</summary>
public sealed class FullDiskTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _disk;
    private readonly bool _mounted;

    public FullDiskTests()
    {
        _disk = _folder["disk"];
        Directory.CreateDirectory(_disk);
        _mounted = Run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", _disk) == 0;
    }

    public void Dispose()
    {
        if (_mounted) Run("umount", _disk);
        _folder.Dispose();
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }

    private void SkipUnlessMounted() => Assert.SkipUnless(_mounted, "needs the right to mount a tmpfs (root)");

    private void FillDisk(int leave)
    {
        long free = new DriveInfo(_disk).AvailableFreeSpace;
        File.WriteAllBytes(Path.Combine(_disk, "ballast"), new byte[free - leave]);
    }

    private void FreeDisk() => File.Delete(Path.Combine(_disk, "ballast"));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_save_on_a_full_disk_says_so_and_leaves_the_earlier_checkpoint_alone(bool spaceIsKnown)
    {
        SkipUnlessMounted();
        string directory = Path.Combine(_disk, "checkpoints");
        var store = new CheckpointStore(spaceIsKnown ? new LocalCheckpointFiles(directory) : new BlindFiles(directory), States.SmallSlices);
        store.Save(States.Info(1), States.State(1));
        FillDisk(leave: 100_000);
        var error = Assert.Throws<SpikeformerException>(() => store.Save(States.Info(2), States.State(2)));
        Assert.Equal(ErrorKind.Failed, error.Kind);
        Assert.Contains($"The checkpoint of step 2 was not saved in {directory}", error.Message);
        Assert.Contains("the disk is full", error.Message);
        Assert.Equal([Path.Combine(directory, "step-1")], Directory.GetDirectories(directory));
        States.AssertNewest(store, 1);
        FreeDisk();
        store.Save(States.Info(2), States.State(2));
        States.AssertNewest(store, 2);
    }

    [Fact]
    public void A_log_on_a_full_disk_warns_once_and_writes_all_lines_when_there_is_space_again()
    {
        SkipUnlessMounted();
        var warnings = new List<string>();
        string path = Path.Combine(_disk, "steps.jsonl");
        using var log = JsonLinesLog.Open(path, warnings.Add);
        log.Append(new { Step = 0 });
        FillDisk(leave: 0);
        string text = new('x', 1000);
        for (int step = 1; step <= 100; step++) log.Append(new { Step = step, text });
        Assert.Contains("the disk is full", Assert.Single(warnings));
        FreeDisk();
        log.Append(new { Step = 101 });
        Assert.Equal([$"Writing {path} works again; no lines were lost"], warnings.Skip(1));
        Assert.Equal(Enumerable.Range(0, 102).Select(step => $"{{\"step\":{step}"), File.ReadLines(path).Select(line => line.Split(',', '}')[0]));
    }

    [Fact]
    public void Atomic_files_on_a_full_disk_keep_the_old_content()
    {
        SkipUnlessMounted();
        string path = Path.Combine(_disk, "run.json");
        AtomicFile.WriteAllText(path, "old");
        FillDisk(leave: 8192);
        var error = Assert.Throws<SpikeformerException>(() => AtomicFile.WriteAllText(path, new string('n', 1 << 20)));
        Assert.StartsWith($"Cannot write {path}: the disk is full", error.Message);
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(2, Directory.GetFiles(_disk).Length);
    }

    [Fact]
    public void A_disk_that_is_read_only_gives_no_permission()
    {
        SkipUnlessMounted();
        var store = new CheckpointStore(Path.Combine(_disk, "checkpoints"), States.SmallSlices);
        store.Save(States.Info(1), States.State(1));
        Assert.Equal(0, Run("mount", "-o", "remount,ro", _disk));
        var error = Assert.Throws<SpikeformerException>(() => store.Save(States.Info(2), States.State(2)));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains("no permission", error.Message);
        States.AssertNewest(store, 1);
        Assert.Equal(ErrorKind.Usage, Assert.Throws<SpikeformerException>(() => RunLock.Acquire(Path.Combine(_disk, "run"))).Kind);
        Assert.Equal(ErrorKind.Usage, Assert.Throws<SpikeformerException>(() => JsonLinesLog.Open(Path.Combine(_disk, "log"), _ => { })).Kind);
    }

    [Fact]
    public void Nothing_is_written_when_too_little_space_is_free_to_begin_with()
    {
        var files = new TightFiles(_folder["checkpoints"]) { Free = 50_000 };
        var error = Assert.Throws<SpikeformerException>(() => new CheckpointStore(files).Save(States.Info(1), States.State(1)));
        Assert.Matches(@"the disk is full \([0-9]+ KiB are needed, 48 KiB are free\)", error.Message);
        Assert.Equal(0, files.Writes);
        files.Free = 1_000_000;
        new CheckpointStore(files).Save(States.Info(1), States.State(1));
    }

    [Fact]
    public void A_file_in_the_directorys_place_is_an_error_with_its_path()
    {
        File.WriteAllText(_folder["checkpoints"], "");
        var store = new CheckpointStore(_folder["checkpoints"]);
        Assert.Contains(_folder["checkpoints"], Assert.Throws<SpikeformerException>(() => store.Save(States.Info(2), States.State(2))).Message);
        Assert.Contains(_folder["checkpoints"], Assert.Throws<SpikeformerException>(store.List).Message);
    }

    // A storage that does not know its free space: the write itself must fail cleanly.
    private sealed class BlindFiles(string directory) : Wrapped(directory)
    {
        public override long? AvailableBytes() => null;
    }

    private sealed class TightFiles(string directory) : Wrapped(directory)
    {
        public long Free { get; set; }
        public int Writes { get; private set; }

        public override long? AvailableBytes() => Free;

        public override void Write(string folder, string file, Action<Stream> content)
        {
            Writes++;
            base.Write(folder, file, content);
        }
    }
}
