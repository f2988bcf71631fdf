using Spikeformer.Checkpoints;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

/// <summary>Several workers write one checkpoint to a storage that they share.</summary>
public sealed class WritingTogetherTests : IDisposable
{
    private static readonly string[] s_three = ["a/0", "a/1", "a/2"], s_two = ["a/0", "a/1"];
    private readonly TemporaryFolder _folder = new();
    private readonly string _directory;

    public WritingTogetherTests() => _directory = _folder["checkpoints"];

    public void Dispose() => _folder.Dispose();

    private CheckpointStore Open(TimeSpan? patience = null) => new(_directory, new() { SliceBytes = States.SmallSlices.SliceBytes, Patience = patience ?? TimeSpan.FromMinutes(1) });

    private static CheckpointInfo Info(long step, string nonce = "n1") => States.Info(step) with { Generation = new(1, nonce) };

    private static CancellationToken CalledOff => new(canceled: true);

    /// <summary>Runs all writers, including the lead, on their own threads.</summary>
    private SaveResult SaveTogether(long step, IReadOnlyList<string> writers, string nonce = "n1")
    {
        Thread[] others = [.. Enumerable.Range(1, writers.Count - 1).Select(writer => new Thread(() =>
            Open().WriteShare(Info(step, nonce) with { WeightsDigest = "" }, States.State(step), writers, writer)))];
        foreach (Thread other in others) other.Start();
        SaveResult result = Open().Save(Info(step, nonce), States.State(step), writers: writers);
        foreach (Thread other in others) other.Join();
        return result;
    }

    private Dictionary<string, byte[]> Files(string folder) =>
        Directory.GetFiles(Path.Combine(_directory, folder)).ToDictionary(path => Path.GetFileName(path), File.ReadAllBytes);

    private string[] Folders() => [.. Directory.GetDirectories(_directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void A_checkpoint_has_the_same_bytes_for_any_number_of_writers(int count)
    {
        string[] writers = [.. Enumerable.Range(0, count).Select(writer => $"a/{writer}")];
        SaveResult saved = SaveTogether(22, writers);
        Assert.Equal(count == 1 ? [] : writers.Take(6), saved.Writers);
        var alone = new CheckpointStore(_folder["alone"], States.SmallSlices);
        alone.Save(Info(22), States.State(22));
        string[] names = [.. Directory.GetFiles(_folder["alone/step-22"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        Dictionary<string, byte[]> files = Files("step-22");
        Assert.Equal(names, files.Keys.Order(StringComparer.Ordinal));
        foreach (string name in names) Assert.Equal(File.ReadAllBytes(_folder[$"alone/step-22/{name}"]), files[name]);
        Assert.Equal(["step-22"], Folders());
    }

    [Fact]
    public void Repeated_shared_saves_keep_only_the_last_checkpoints()
    {
        for (long step = 1; step <= 12; step++)
        {
            SaveTogether(step, s_three);
            States.AssertNewest(Open(), step);
        }
        Assert.Equal(["step-11", "step-12"], Folders());
    }

    [Fact]
    public void A_writer_that_dies_leaves_the_earlier_checkpoint_and_the_next_save_cleans_up()
    {
        SaveTogether(1, s_two);
        // It died after writing one of its three slices and half of another.
        Directory.CreateDirectory(Path.Combine(_directory, "saving-2-n1"));
        File.Copy(Path.Combine(_directory, "step-1", "model-00002-of-00002.safetensors"), Path.Combine(_directory, "saving-2-n1", "model-00002-of-00002.safetensors"));
        File.WriteAllText(Path.Combine(_directory, "saving-2-n1", ".optimizer-00002-of-00004.safetensors.x.tmp"), "half");
        var abandoned = Assert.Throws<SaveAbandonedException>(() => Open().Save(Info(2), States.State(2), writers: s_two, callOff: CalledOff));
        Assert.True(abandoned.IsCalledOff);
        Assert.Contains("before a/1 had finished writing", abandoned.Message);
        Assert.Empty(States.AssertNewest(Open(), 1).Skipped);
        Assert.Equal(["saving-2-n1", "step-1"], Folders());

        SaveTogether(3, s_two, nonce: "n2");
        Assert.Equal(["step-1", "step-3"], Folders());
        States.AssertNewest(Open(), 3);
    }

    [Fact]
    public void A_save_that_waits_ends_when_it_is_called_off()
    {
        using var callOff = new CancellationTokenSource();
        var files = new WatchedFiles(_directory) { Looked = looks => { if (looks == 6) callOff.Cancel(); } };
        var store = new CheckpointStore(files, States.SmallSlices);
        Assert.True(Assert.Throws<SaveAbandonedException>(() => store.Save(Info(2), States.State(2), writers: s_two, callOff: callOff.Token)).IsCalledOff);
        Assert.Null(Open().TryReadNewest().Checkpoint);
    }

    [Fact]
    public void A_save_that_was_complete_when_it_was_called_off_is_a_checkpoint()
    {
        Open().WriteShare(Info(2), States.State(2), s_two, 1);
        Open().Save(Info(2), States.State(2), writers: s_two, callOff: CalledOff);
        States.AssertNewest(Open(), 2);
    }

    /// <summary>The writer of an abandoned save has other bits than the run. It wakes up before a later save of the same step, between any two of its
    /// operations, and after it.</summary>
    [Fact]
    public void A_writer_that_wakes_late_changes_nothing()
    {
        Assert.Throws<SaveAbandonedException>(() => Open().Save(Info(2), States.State(2), writers: s_two, callOff: CalledOff));
        int wakes = 0;
        void Wake()
        {
            Open().WriteShare(Info(2), States.State(77), s_two, 1);
            wakes++;
        }
        Open().WriteShare(Info(2, "n2"), States.State(2), s_two, 1);
        Wake();
        var files = new WatchedFiles(_directory) { Changed = Wake };
        new CheckpointStore(files, States.SmallSlices).Save(Info(2, "n2"), States.State(2), writers: s_two);
        Wake();
        Assert.InRange(wakes, 12, 100);
        Dictionary<string, byte[]> saved = Files("step-2");
        Wake();
        Assert.Equal(saved, Files("step-2"));
        Assert.Empty(States.AssertNewest(Open(), 2).Skipped);
        Assert.Empty(Open().Verify(2));
        SaveTogether(3, s_two, "n2");
        Assert.Equal(["step-2", "step-3"], Folders());
        Assert.Empty(Open().Verify(2));
    }

    [Fact]
    public void A_writer_whose_disk_fails_is_named_with_its_reason_and_nothing_is_left()
    {
        SaveTogether(1, s_two);
        var failing = new CheckpointStore(new WatchedFiles(_directory) { BeforeSlice = () => throw new IOException("the disk is broken") }, States.SmallSlices);
        var own = Assert.Throws<SpikeformerException>(() => failing.WriteShare(Info(2), States.State(2), s_two, 1));
        Assert.StartsWith($"The slices of a/1 of step 2 were not written in {_directory}: the disk is broken", own.Message);
        var abandoned = Assert.Throws<SaveAbandonedException>(() => Open().Save(Info(2), States.State(2), writers: s_two));
        Assert.False(abandoned.IsCalledOff);
        Assert.Contains("The slices of a/1 of step 2 were not written", abandoned.Message);
        Assert.Equal(["step-1"], Folders());
        States.AssertNewest(Open(), 1);
    }

    [Fact]
    public void A_save_with_a_writer_on_another_storage_is_abandoned_and_the_lead_can_write_alone()
    {
        new CheckpointStore(_folder["other"], States.SmallSlices).WriteShare(Info(2), States.State(2), s_two, 1);
        var abandoned = Assert.Throws<SaveAbandonedException>(() => Open(TimeSpan.FromMilliseconds(1)).Save(Info(2), States.State(2), writers: s_two));
        Assert.False(abandoned.IsCalledOff);
        Assert.Contains("nothing received from a/1", abandoned.Message);
        Assert.Empty(Open().Save(Info(3), States.State(3), writers: ["a/0"]).Writers);
        States.AssertNewest(Open(), 3);
        Assert.Equal(["step-3"], Folders());
    }

    [Fact]
    public void A_damaged_report_and_one_of_other_bits_end_the_save()
    {
        Open().WriteShare(Info(2), States.State(2), s_two, 1);
        States.FlipByte(Path.Combine(_directory, "saving-2-n1", "writer-1.json"), 200, 1);
        Assert.Contains("writer-1.json is damaged", Assert.Throws<SaveAbandonedException>(() => Open().Save(Info(2), States.State(2), writers: s_two)).Message);
        Open().WriteShare(Info(2) with { StepDigest = "ab" }, States.State(2), s_two, 1);
        Assert.Contains("a/1 wrote other bits", Assert.Throws<SaveAbandonedException>(() => Open().Save(Info(2), States.State(2), writers: s_two)).Message);
        Assert.Empty(Folders());
    }

    [Fact]
    public void A_shared_save_needs_a_generation()
    {
        Assert.Throws<ArgumentException>(() => Open().WriteShare(States.Info(2), States.State(2), s_two, 1));
        Assert.Throws<ArgumentException>(() => Open().Save(States.Info(2), States.State(2), writers: s_two));
        Assert.False(Directory.Exists(_directory));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_lead_may_be_lost_before_or_after_any_operation(bool after)
    {
        int operations = int.MaxValue;
        for (int fault = 0; fault <= operations; fault++)
        {
            using var folder = new TemporaryFolder();
            var store = new CheckpointStore(folder.Path, States.SmallSlices);
            foreach (long step in (long[])[1, 2]) store.Save(Info(step), States.State(step));
            store.WriteShare(Info(3), States.State(3), s_two, 1);
            var failing = new FailingFiles(folder.Path, fault, after);
            bool saved = true;
            try
            {
                new CheckpointStore(failing, States.SmallSlices).Save(Info(3), States.State(3), writers: s_two);
            }
            catch (SpikeformerException)
            {
                saved = false;
            }
            if (!failing.Failed) operations = 0;
            long newest = store.TryReadNewest().Checkpoint!.Info.Step;
            Assert.True(newest == 3 || (newest == 2 && !saved), $"fault {fault}: step {newest}, saved {saved}");
            Assert.Empty(States.AssertNewest(store, newest).Skipped);
            // The next lead saves normally.
            store.WriteShare(Info(4, "n2"), States.State(4), s_two, 1);
            Assert.Empty(new CheckpointStore(folder.Path, States.SmallSlices).Save(Info(4, "n2"), States.State(4), writers: s_two).Warnings);
            States.AssertNewest(store, 4);
            Assert.Empty(Directory.GetDirectories(folder.Path, "saving-*"));
        }
    }

    /// <summary>A directory that reports its operations.</summary>
    private sealed class WatchedFiles(string directory) : Wrapped(directory)
    {
        private int _looks;

        public Action Changed { get; init; } = () => { };
        public Action BeforeSlice { get; init; } = () => { };
        public Action<int> Looked { get; init; } = _ => { };

        public override IReadOnlyList<string> Files(string folder)
        {
            Looked(++_looks);
            return base.Files(folder);
        }

        public override void Write(string folder, string file, Action<Stream> content)
        {
            if (file.EndsWith(".safetensors", StringComparison.Ordinal)) BeforeSlice();
            base.Write(folder, file, content);
        }

        protected override void Change(Action operation)
        {
            Changed();
            operation();
            Changed();
        }
    }
}
