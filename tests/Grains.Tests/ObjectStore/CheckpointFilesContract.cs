using System.Text;
using Spikeformer.Checkpoints;
using Spikeformer.ObjectStore;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.ObjectStore;

/// <summary>The contract of every <see cref="ICheckpointFiles"/>, and the behaviour of a checkpoint store on it.</summary>
public abstract class CheckpointFilesContract
{
    /// <summary>Opens the storage under test as another process of the same run would, without waiting for another lock holder.</summary>
    protected abstract ICheckpointFiles Open();

    private static void Write(ICheckpointFiles files, string folder, string file, byte[] content) => files.Write(folder, file, stream => stream.Write(content));

    private static byte[] Read(ICheckpointFiles files, string folder, string file)
    {
        using Stream stream = files.OpenRead(folder, file);
        var content = new byte[stream.Length];
        stream.ReadExactly(content);
        Assert.Equal(-1, stream.ReadByte());
        return content;
    }

    private static byte[] Bytes(int count, byte seed = 1) => [.. Enumerable.Range(0, count).Select(i => (byte)((i * 31) + (i >> 8) + seed))];

    [Fact]
    public void An_empty_place_has_no_folders_and_no_files()
    {
        ICheckpointFiles files = Open();
        Assert.Empty(files.Folders());
        Assert.Empty(files.Files("a"));
        Assert.ThrowsAny<IOException>(() => files.OpenRead("a", "x").Dispose());
        files.Delete("a", "x");
        files.DeleteFolder("a");
        files.DeleteLeftovers("a");
        Assert.Empty(files.Folders());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(999)]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(3000)]
    [InlineData(5007)]
    public void Bytes_written_in_portions_of_any_size_are_read_back(int count)
    {
        ICheckpointFiles files = Open();
        byte[] content = Bytes(count);
        files.Write("a", "x", stream =>
        {
            for (int i = 0; i < count; i += 7) stream.Write(content, i, Math.Min(7, count - i));
        });
        Write(files, "a", "y", content);
        Assert.Equal(content, Read(Open(), "a", "x"));
        Assert.Equal(content, Read(Open(), "a", "y"));
    }

    [Fact]
    public void A_file_that_is_missing_in_a_folder_is_not_found()
    {
        ICheckpointFiles files = Open();
        Write(files, "a", "x", []);
        Assert.Throws<FileNotFoundException>(() => files.OpenRead("a", "y").Dispose());
    }

    [Fact]
    public void A_write_replaces_the_file_as_a_whole()
    {
        ICheckpointFiles files = Open();
        foreach (int count in (int[])[2500, 10, 4000]) Write(files, "a", "x", Bytes(count, seed: (byte)count));
        Assert.Equal(Bytes(4000, seed: 4000 & 255), Read(files, "a", "x"));
        Assert.Equal(["x"], files.Files("a"));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(3500)]
    public void A_write_that_fails_leaves_the_file_unchanged(int written)
    {
        ICheckpointFiles files = Open();
        Write(files, "a", "x", Bytes(100));
        foreach (string file in (string[])["x", "y"])
            Assert.Throws<InvalidOperationException>(() => files.Write("a", file, stream =>
            {
                stream.Write(Bytes(written));
                throw new InvalidOperationException();
            }));
        Assert.Equal(["x"], files.Files("a"));
        Assert.Equal(Bytes(100), Read(files, "a", "x"));
    }

    [Fact]
    public void A_file_that_is_replaced_while_it_is_read_is_read_as_it_was_or_not_at_all()
    {
        ICheckpointFiles files = Open();
        Write(files, "a", "x", Bytes(4000));
        using Stream stream = files.OpenRead("a", "x");
        var content = new byte[4000];
        stream.ReadExactly(content, 0, 500);
        Write(files, "a", "x", Bytes(4000, seed: 9));
        try
        {
            stream.ReadExactly(content, 500, 3500);
        }
        catch (IOException)
        {
            return;
        }
        Assert.Equal(Bytes(4000), content);
    }

    [Fact]
    public void Lists_contain_all_files_and_none_of_neighbouring_folders()
    {
        ICheckpointFiles files = Open();
        string[] names = [.. Enumerable.Range(0, 23).Select(i => $"file-{i:00}")];
        foreach (string name in names) Write(files, "a", name, Bytes(3));
        foreach (int i in Enumerable.Range(0, 12)) Write(files, $"a{i}", "x", Bytes(3));
        Assert.Equal(names, files.Files("a").Order(StringComparer.Ordinal));
        Assert.Equal(Enumerable.Range(0, 12).Select(i => $"a{i}").Prepend("a").Order(StringComparer.Ordinal), files.Folders().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Removed_files_and_folders_are_gone_and_their_neighbours_stay()
    {
        ICheckpointFiles files = Open();
        foreach (string folder in (string[])["a", "a1", "b"])
            foreach (string file in (string[])["x", "x1"]) Write(files, folder, file, Bytes(3));
        files.Delete("a", "x");
        files.DeleteFolder("b");
        Assert.Equal(["x1"], files.Files("a"));
        Assert.Equal(["x", "x1"], files.Files("a1").Order(StringComparer.Ordinal));
        Assert.Equal(["a", "a1"], files.Folders().Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../x")]
    [InlineData("x/y")]
    [InlineData("x\0")]
    public void Names_with_a_path_are_refused(string name)
    {
        ICheckpointFiles files = Open();
        Assert.Throws<ArgumentException>(() => files.Files(name));
        Assert.Throws<ArgumentException>(() => files.OpenRead("a", name));
        Assert.Throws<ArgumentException>(() => Write(files, name, "x", []));
        Assert.Throws<ArgumentException>(() => Write(files, "a", name, []));
        Assert.Throws<ArgumentException>(() => files.Delete("a", name));
        Assert.Throws<ArgumentException>(() => files.DeleteFolder(name));
        Assert.Throws<ArgumentException>(() => files.DeleteLeftovers(name));
    }

    [Fact]
    public void One_writer_at_a_time_has_the_lock()
    {
        (ICheckpointFiles first, ICheckpointFiles second) = (Open(), Open());
        using (first.Lock())
        {
            var error = Assert.Throws<SpikeformerException>(() => second.Lock().Dispose());
            Assert.Equal(ErrorKind.Conflict, error.Kind);
            Assert.Contains($"process {Environment.ProcessId}", error.Message);
        }
        using IDisposable held = second.Lock();
        Write(second, "a", "x", Bytes(3));
    }

    [Fact]
    public void A_store_keeps_the_last_two_the_best_and_the_pinned_and_reads_back_what_it_saved()
    {
        var store = new CheckpointStore(Open(), States.SmallSlices);
        store.Save(States.Info(1), States.State(1), best: true);
        store.Save(States.Info(2), States.State(2));
        store.Pin(2);
        foreach (long step in (long[])[3, 4, 5]) store.Save(States.Info(step), States.State(step));
        var reader = new CheckpointStore(Open());
        Assert.Equal([(5, false, false), (4, false, false), (2, false, true), (1, true, false)],
            reader.List().Select(entry => ((int)entry.Id.Step, entry.IsBest, entry.IsPinned)));
        foreach (long step in (long[])[1, 2, 4, 5])
        {
            Assert.Empty(reader.Verify(step));
            States.AssertEqual(States.State(step), reader.Read(step).State);
        }
        Assert.Equal([4, 1], store.Save(States.Info(6), States.State(6), best: true).Removed.Select(id => id.Step));
        store.Unpin(2);
        Assert.Equal([5, 2], store.Save(States.Info(7), States.State(7)).Removed.Select(id => id.Step));
        States.AssertNewest(reader, 7);
        Assert.Equal(["step-6", "step-7"], Open().Folders().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_store_accepts_a_repeated_save_and_refuses_other_tensors()
    {
        var store = new CheckpointStore(Open(), States.SmallSlices);
        store.Save(States.Info(5), States.State(5));
        store.Save(States.Info(5) with { Metrics = new Dictionary<string, double> { ["testAccuracy"] = 0.93 } }, States.State(5));
        Assert.Equal(0.93, States.AssertNewest(store, 5).Checkpoint!.Info.Metrics["testAccuracy"]);
        Assert.Equal(ErrorKind.Conflict, Assert.Throws<SpikeformerException>(() => store.Save(States.Info(5), States.State(6))).Kind);
        States.AssertNewest(new CheckpointStore(Open()), 5);
    }

    [Fact]
    public void A_store_skips_a_checkpoint_that_lost_a_slice()
    {
        ICheckpointFiles files = Open();
        var store = new CheckpointStore(files, States.SmallSlices);
        foreach (long step in (long[])[1, 2]) store.Save(States.Info(step), States.State(step));
        files.Delete("step-2", "model-00001-of-00002.safetensors");
        Assert.Contains("it does not exist", Assert.Single(States.AssertNewest(new CheckpointStore(Open()), 1).Skipped).Reason);
        Assert.Equal([2], new CheckpointStore(Open(), States.SmallSlices).Save(States.Info(3), States.State(3)).Removed.Select(id => id.Step));
    }

    [Fact]
    public void Looking_for_missing_checkpoints_creates_nothing()
    {
        var store = new CheckpointStore(Open());
        Assert.Null(store.TryReadNewest().Checkpoint);
        foreach (Action ask in (Action[])[() => store.ReadNewest(), () => store.Read(3), () => store.Verify(3), () => store.Pin(3), () => store.MarkBest(3)])
            Assert.Equal(ErrorKind.NotFound, Assert.Throws<SpikeformerException>(ask).Kind);
        Assert.Empty(store.Prune());
        Assert.Empty(Open().Folders());
    }
}

/// <summary>The contract on a file system.</summary>
public sealed class LocalCheckpointFilesTests : CheckpointFilesContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    protected override ICheckpointFiles Open() => new LocalCheckpointFiles(_folder["checkpoints"], TimeSpan.Zero);
}

/// <summary>The contract in an object store, whose lists have pages of five entries.</summary>
public sealed class S3CheckpointFilesTests : CheckpointFilesContract, IDisposable
{
    private readonly S3Place _place = new();

    public S3CheckpointFilesTests() => _place.Server.PageSize = 5;

    public void Dispose()
    {
        // No test leaves an unfinished upload in the store or causes a warning.
        Assert.Equal((0, 0), (_place.Server.Uploads, _place.Warnings.Count));
        _place.Dispose();
    }

    protected override ICheckpointFiles Open() => _place.Open();

    [Fact]
    public void A_moved_file_is_in_its_new_folder_only_and_never_passes_through_this_process()
    {
        S3CheckpointFiles files = _place.Open();
        foreach (string text in (string[])["old", "new"])
        {
            files.Write("a", "x", stream => stream.Write(Encoding.UTF8.GetBytes(text)));
            files.Move("a", "x", "b");
        }
        Assert.Equal(["runs/nmnist/b/x"], _place.Server.Keys);
        Assert.Equal("new", Encoding.UTF8.GetString(_place.Server["runs/nmnist/b/x"]));
        Assert.DoesNotContain(_place.Server.Requests, request => request.Method == "GET");
        Assert.Throws<FileNotFoundException>(() => files.Move("a", "x", "b"));
    }
}
