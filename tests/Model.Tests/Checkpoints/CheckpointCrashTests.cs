using System.Diagnostics;
using Spikeformer.Checkpoints;
using Spikeformer.Numerics;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

/// <summary>A save that is killed at any moment leaves a valid checkpoint.</summary>
public sealed class CheckpointCrashTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("save")]
    [InlineData("save-together")]
    public void Kill_minus_9_at_any_moment_of_a_save_leaves_a_valid_checkpoint(string task)
    {
        int kills = TestData.IsLong ? 200 : 20;
        var random = new KeyedRandom(7, RandomPurpose.Synthetic);
        var store = new CheckpointStore(_folder.Path, States.SmallSlices);
        int inSave = 0;
        for (int kill = 0; kill < kills; kill++)
        {
            (long began, long saved) = KillAfter(task, microseconds: random.NextInt32(40_000));
            if (began > saved) inSave++;
            // Every announced checkpoint exists, and every existing one is right.
            long newest = store.TryReadNewest().Checkpoint!.Info.Step;
            Assert.InRange(newest, saved, began);
            States.AssertNewest(store, newest);
        }
        Assert.True(inSave > kills / 2, $"only {inSave} of {kills} kills hit a save");
        long last = store.ReadNewest().Checkpoint!.Info.Step;
        store.Save(States.Info(last + 1), States.State(last + 1));
        Assert.Equal([last + 1, last], store.List().Select(entry => entry.Id.Step));
        Assert.Equal(2, Directory.GetDirectories(_folder.Path).Length);
        Assert.Empty(Directory.GetFiles(_folder.Path, "*.tmp", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }));
    }

    // The delay is the injected fault, counted from the child's second save: the first finds no older checkpoint.
    private (long Began, long Saved) KillAfter(string task, int microseconds)
    {
        using var child = ChildProcess.Start(task, _folder.Path);
        (long began, long saved) = (0, 0);
        void Read(string? line)
        {
            if (line?.Split(' ') is ["saving", string start]) began = long.Parse(start);
            if (line?.Split(' ') is ["saved", string end]) saved = long.Parse(end);
        }
        while (saved == 0 || began == saved) Read(child.StandardOutput.ReadLine());
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalMicroseconds < microseconds) Thread.SpinWait(100);
        child.Kill();
        while (child.StandardOutput.ReadLine() is { } line) Read(line);
        child.WaitForExit();
        return (began, saved);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_storage_may_fail_before_or_after_any_operation(bool after)
    {
        int operations = int.MaxValue;
        for (int fault = 0; fault <= operations; fault++)
        {
            using var folder = new TemporaryFolder();
            var store = new CheckpointStore(folder.Path, States.SmallSlices);
            foreach (long step in (long[])[1, 2]) store.Save(States.Info(step), States.State(step), best: step == 1);
            var failing = new FailingFiles(folder.Path, fault, after);
            bool saved;
            try
            {
                new CheckpointStore(failing, States.SmallSlices).Save(States.Info(3), States.State(3), best: true);
                saved = true;
            }
            catch (SpikeformerException)
            {
                saved = false;
            }
            if (!failing.Failed) operations = 0;
            long newest = store.TryReadNewest().Checkpoint!.Info.Step;
            Assert.True(newest == 3 || (newest == 2 && !saved), $"fault {fault}: step {newest}, saved {saved}");
            Assert.Empty(States.AssertNewest(store, newest).Skipped);
            // The next process saves normally.
            Assert.Empty(new CheckpointStore(folder.Path, States.SmallSlices).Save(States.Info(4), States.State(4)).Warnings);
            States.AssertNewest(store, 4);
            if (newest == 3) Assert.DoesNotContain(store.List(), entry => entry.Id.Step == 2);
            Assert.Contains(store.List(), entry => entry.IsBest);
        }
    }

    [Fact]
    public void A_slice_that_differs_when_read_back_gets_no_manifest()
    {
        var lying = new LyingFiles(_folder.Path);
        var store = new CheckpointStore(lying, States.SmallSlices);
        store.Save(States.Info(1), States.State(1));
        lying.Lies = true;
        var error = Assert.Throws<SpikeformerException>(() => store.Save(States.Info(2), States.State(2)));
        Assert.Contains("a slice differs when read back", error.Message);
        States.AssertNewest(new CheckpointStore(_folder.Path), 1);
        Assert.False(Directory.Exists(_folder["step-2"]));
    }

    // A disk that flips a bit of every slice it stores.
    private sealed class LyingFiles(string directory) : Wrapped(directory)
    {
        public bool Lies { get; set; }

        public override void Write(string folder, string file, Action<Stream> content)
        {
            base.Write(folder, file, content);
            if (Lies) States.FlipByte(Path.Combine(Location, folder, file), 400, 1);
        }
    }
}
