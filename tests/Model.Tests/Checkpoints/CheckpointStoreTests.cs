using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _directory;
    private readonly CheckpointStore _store;

    public CheckpointStoreTests()
    {
        _directory = _folder["checkpoints"];
        _store = Open();
    }

    public void Dispose() => _folder.Dispose();

    private CheckpointStore Open() => new(_directory, States.SmallSlices);

    private SaveResult Save(long step, bool best = false, int lineage = 0, long start = 0) =>
        _store.Save(States.Info(step, lineage, start), States.State(step), best);

    private string[] Folders() => [.. Directory.GetDirectories(_directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Fact]
    public void A_saved_state_is_read_back_with_everything_it_was_saved_with()
    {
        Save(23);
        var (_, info, state) = Open().ReadNewest().Checkpoint!;
        States.AssertEqual(States.State(23), state);
        CheckpointInfo expected = States.Info(23);
        // Records compare lists and dictionaries by reference, so the texts are compared.
        Assert.Equal(new Manifest(1, expected, []).ToBytes(), new Manifest(1, info, []).ToBytes());
        Assert.Equal((23, 2, 3, 23, 65536, 3), (info.Step, info.Epoch, info.StepInEpoch, info.AppliedUpdates, info.LossScale, info.LossScaleGoodSteps));
        Assert.Equal(expected.Metrics, info.Metrics);
        Assert.Equal(expected.ClassNames, info.ClassNames);
        Assert.Equal(expected.Fingerprint, info.Fingerprint);
        Assert.Equal("ä\"é", info.Recipe.GetProperty("text").GetString());
    }

    [Fact]
    public void The_files_are_a_manifest_beside_slices_by_group()
    {
        Save(7);
        string[] files = [.. Directory.GetFiles(Path.Combine(_directory, "step-7")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        Assert.Equal(["manifest.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "optimizer-00001-of-00004.safetensors",
            "optimizer-00002-of-00004.safetensors", "optimizer-00003-of-00004.safetensors", "optimizer-00004-of-00004.safetensors"], files);
        using var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_directory, "step-7", "manifest.json")));
        Assert.Equal(["version", "checkpoint", "slices", "sha256"], manifest.RootElement.EnumerateObject().Select(property => property.Name));
        Assert.Equal(files[1..], manifest.RootElement.GetProperty("slices").EnumerateArray().Select(slice => slice.GetProperty("file").GetString()));
    }

    [Fact]
    public void The_same_step_gives_the_same_slices_wherever_it_is_saved()
    {
        Save(7);
        new CheckpointStore(_folder["other"], States.SmallSlices).Save(States.Info(7) with { CreatedUtc = default }, States.State(7));
        foreach (string slice in Directory.GetFiles(Path.Combine(_directory, "step-7"), "*.safetensors"))
            Assert.Equal(File.ReadAllBytes(slice), File.ReadAllBytes(Path.Combine(_folder["other"], "step-7", Path.GetFileName(slice))));
    }

    [Fact]
    public void The_newest_is_the_highest_step_regardless_of_file_times()
    {
        Save(9);
        Save(10);
        Directory.SetLastWriteTimeUtc(Path.Combine(_directory, "step-9"), new DateTime(2100, 1, 1));
        File.SetLastWriteTimeUtc(Path.Combine(_directory, "step-9", "manifest.json"), new DateTime(2100, 1, 1));
        States.AssertNewest(Open(), 10);
    }

    [Fact]
    public void The_last_two_the_best_and_the_pinned_stay()
    {
        Save(1, best: true);
        Save(2);
        _store.Pin(2);
        foreach (long step in (long[])[3, 4, 5]) Save(step);
        Assert.Equal(["step-1", "step-2", "step-4", "step-5"], Folders());
        Assert.Equal([(5, false, false), (4, false, false), (2, false, true), (1, true, false)],
            _store.List().Select(entry => ((int)entry.Id.Step, entry.IsBest, entry.IsPinned)));

        var saved = Save(6, best: true);
        Assert.Equal([4, 1], saved.Removed.Select(id => id.Step));
        _store.Unpin(2);
        Save(7);
        Assert.Equal(["step-6", "step-7"], Folders());
        Assert.Equal([6], _store.List().Where(entry => entry.IsBest).Select(entry => entry.Id.Step));
    }

    [Fact]
    public void A_damaged_checkpoint_does_not_count_as_one_of_the_two_that_stay()
    {
        Save(1);
        Save(2);
        States.FlipByte(Path.Combine(_directory, "step-2", "model-00001-of-00002.safetensors"), 500, 1);
        // A new process knows nothing of what the old one verified.
        Assert.Equal([2], Open().Save(States.Info(3), States.State(3)).Removed.Select(id => id.Step));
        Assert.Equal(["step-1", "step-3"], Folders());
    }

    [Fact]
    public void A_checkpoint_that_lost_a_slice_is_no_longer_counted_even_when_it_was_verified()
    {
        Save(1);
        Save(2);
        File.Delete(Path.Combine(_directory, "step-2", "model-00001-of-00002.safetensors"));
        Save(3);
        Assert.Equal(["step-1", "step-3"], Folders());
    }

    [Fact]
    public void Prune_keeps_the_requested_number_and_never_removes_the_last_valid_one()
    {
        foreach (long step in (long[])[1, 2]) Save(step);
        States.FlipByte(Path.Combine(_directory, "step-2", "manifest.json"), 100, 1);
        Assert.Empty(Open().Prune());
        Assert.Equal(["step-1", "step-2"], Folders());
        Save(3);
        Assert.Equal([1], Open().Prune(keep: 1).Select(id => id.Step));
        Assert.Equal(["step-3"], Folders());
        Assert.Empty(new CheckpointStore(_folder["none"]).Prune());
        Assert.False(Directory.Exists(_folder["none"]));
    }

    [Fact]
    public void Saving_the_same_step_again_only_rewrites_the_manifest()
    {
        Save(5);
        string slice = Path.Combine(_directory, "step-5", "model-00001-of-00002.safetensors");
        File.SetLastWriteTimeUtc(slice, new DateTime(2001, 1, 1));
        _store.Save(States.Info(5) with { Metrics = new Dictionary<string, double> { ["testAccuracy"] = 0.93 } }, States.State(5));
        Assert.Equal(new DateTime(2001, 1, 1), File.GetLastWriteTimeUtc(slice));
        Assert.Equal(0.93, States.AssertNewest(Open(), 5).Checkpoint!.Info.Metrics["testAccuracy"]);
    }

    [Fact]
    public void Saving_other_tensors_under_an_existing_step_is_a_conflict_and_changes_nothing()
    {
        Save(5);
        var error = Assert.Throws<SpikeformerException>(() => _store.Save(States.Info(5), States.State(6)));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.Equal(ErrorKind.Conflict, Assert.Throws<SpikeformerException>(() => _store.Save(States.Info(5), States.State(5)[..^1])).Kind);
        StateTensor[] more = [.. States.State(5), States.Tensor("more", TensorType.U8, [1])];
        Assert.Equal(ErrorKind.Conflict, Assert.Throws<SpikeformerException>(() => _store.Save(States.Info(5), more)).Kind);
        States.AssertNewest(Open(), 5);
    }

    [Fact]
    public void Saving_over_a_damaged_checkpoint_replaces_it()
    {
        Save(5);
        States.FlipByte(Path.Combine(_directory, "step-5", "optimizer-00001-of-00004.safetensors"), 300, 64);
        Assert.NotEmpty(_store.Verify(5));
        Save(5);
        Assert.Empty(_store.Verify(5));
        States.AssertNewest(Open(), 5);
    }

    [Fact]
    public void A_rewound_run_continues_its_new_lineage_and_leaves_the_old_ones_later_steps()
    {
        foreach (long step in (long[])[10, 20]) Save(step);
        States.AssertNewest(_store, 20);
        _store.Save(States.Info(15, lineage: 1, lineageStart: 10), States.State(15));
        States.AssertNewest(Open(), 15);
        // The abandoned one is removed. The old lineage's step 10 is the second one to keep.
        Assert.Equal(["step-10", "step-15-lineage-1"], Folders());
        _store.Save(States.Info(20, lineage: 1, lineageStart: 10), States.State(20));
        Assert.Equal(["step-15-lineage-1", "step-20-lineage-1"], Folders());
    }

    [Fact]
    public void A_broken_lineage_falls_back_only_to_steps_before_it_was_left()
    {
        foreach (long step in (long[])[10, 20]) Save(step);
        _store.Pin(20);
        _store.Save(States.Info(15, lineage: 1, lineageStart: 10), States.State(15));
        File.Delete(Path.Combine(_directory, "step-15-lineage-1", "model-00001-of-00002.safetensors"));
        var newest = States.AssertNewest(Open(), 10);
        Assert.Equal([new CheckpointId(15, 1)], newest.Skipped.Select(skipped => skipped.Id));
        Assert.Equal(20, Open().TryReadNewest(lineage: 0).Checkpoint!.Info.Step);
    }

    [Fact]
    public void Partial_folders_and_leftovers_are_removed_by_the_next_save_and_other_folders_are_not_ours()
    {
        Save(1);
        foreach (string folder in (string[])["step-2", "step-02", "notes", "step-3-lineage-0"])
        {
            Directory.CreateDirectory(Path.Combine(_directory, folder));
            File.WriteAllText(Path.Combine(_directory, folder, "model-00001-of-00001.safetensors"), "half");
        }
        File.WriteAllText(Path.Combine(_directory, "step-1", ".manifest.json.x.tmp"), "half");
        Assert.Equal([1], _store.List().Select(entry => entry.Id.Step));
        Save(4);
        Assert.Equal(["notes", "step-02", "step-1", "step-3-lineage-0", "step-4"], Folders());
        Assert.False(File.Exists(Path.Combine(_directory, "step-1", ".manifest.json.x.tmp")));
    }

    [Fact]
    public void A_link_is_not_followed_when_folders_are_tidied_up()
    {
        Directory.CreateDirectory(_folder["precious"]);
        File.WriteAllText(_folder["precious/manifest.json"], "mine");
        File.WriteAllText(_folder["precious/.file.tmp"], "mine");
        Save(1);
        Directory.CreateSymbolicLink(Path.Combine(_directory, "step-2"), _folder["precious"]);
        Save(3);
        Assert.Equal(2, Directory.GetFiles(_folder["precious"]).Length);
        Assert.Equal([3, 1], _store.List().Select(entry => entry.Id.Step));
    }

    [Fact]
    public void Another_writer_is_waited_for_and_then_named()
    {
        Save(1);
        using var held = new LocalCheckpointFiles(_directory).Lock();
        var impatient = new CheckpointStore(new LocalCheckpointFiles(_directory, TimeSpan.Zero), States.SmallSlices);
        Directory.CreateDirectory(Path.Combine(_directory, "step-2"));
        var error = Assert.Throws<SpikeformerException>(() => impatient.Save(States.Info(3), States.State(3)));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.Contains($"process {Environment.ProcessId}", error.Message);
        Assert.Equal(["step-1", "step-2"], Folders());
        States.AssertNewest(impatient, 1);
    }

    [Fact]
    public void Two_threads_that_save_at_once_both_succeed()
    {
        Parallel.For(1, 9, new ParallelOptions { MaxDegreeOfParallelism = 4 }, step => Open().Save(States.Info(step), States.State(step)));
        Assert.NotNull(Open().ReadNewest().Checkpoint);
        Assert.Equal(8, Open().ReadNewest().Checkpoint!.Info.Step);
    }

    [Fact]
    public void Missing_checkpoints_are_not_found_and_asking_creates_nothing()
    {
        Assert.Null(_store.TryReadNewest().Checkpoint);
        foreach (Action ask in (Action[])[() => _store.ReadNewest(), () => _store.Read(3), () => _store.Verify(3), () => _store.Pin(3), () => _store.MarkBest(3)])
            Assert.Equal(ErrorKind.NotFound, Assert.Throws<SpikeformerException>(ask).Kind);
        Assert.False(Directory.Exists(_directory));
        Save(1);
        Assert.Contains("Choose one of step-1", Assert.Throws<SpikeformerException>(() => _store.Read(3)).Message);
    }

    [Fact]
    public void A_state_that_could_not_be_read_back_is_refused_before_anything_is_written()
    {
        Assert.Throws<ArgumentException>(() => _store.Save(States.Info(1) with { Step = -1 }, States.State(1)));
        Assert.Throws<ArgumentException>(() => _store.Save(States.Info(1) with { StepDigest = "XY" }, States.State(1)));
        Assert.Throws<ArgumentException>(() => _store.Save(States.Info(1) with { Recipe = default }, States.State(1)));
        Assert.Throws<ArgumentException>(() => _store.Save(States.Info(1, 1, lineageStart: 2), States.State(1)));
        Assert.Throws<ArgumentException>(() => _store.Save(States.Info(1), []));
        Assert.False(Directory.Exists(_directory));
    }
}
