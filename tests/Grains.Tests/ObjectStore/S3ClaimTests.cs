using System.Text;
using Spikeformer.Checkpoints;
using Spikeformer.Files;
using Spikeformer.ObjectStore;
using Spikeformer.TestKit;
using Spikeformer.TestKit.ObjectStore;
using Xunit;

namespace Spikeformer.Grains.Tests.ObjectStore;

/// <summary>Two writers with one place.</summary>
public sealed class S3ClaimTests : IDisposable
{
    private const string OwnerKey = "runs/nmnist/owner.json";

    private readonly S3Place _place = new();

    public void Dispose() => _place.Dispose();

    // The case that the lock on the run directory cannot see: a machine that no longer shares the file system.
    private S3CheckpointFiles OnAnotherMachine() => _place.Open(owner: _place.Owner("elsewhere"));

    [Fact]
    public void Another_run_is_refused_with_the_name_of_the_owner()
    {
        _place.OpenStore().Save(States.Info(1), States.State(1));
        var stranger = new CheckpointStore(_place.Open(owner: _place.Owner("other", start: 2)), States.SmallSlices);
        var error = Assert.Throws<SpikeformerException>(() => stranger.Save(States.Info(2), States.State(2)));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.Contains($"belong to run nmnist in {_place.Owner().Directory}", error.Message);
        Assert.Equal(ErrorKind.Conflict, Assert.Throws<SpikeformerException>(() => stranger.Prune()).Kind);
        States.AssertNewest(stranger, 1);
    }

    [Fact]
    public void A_replaced_writer_can_no_longer_change_anything()
    {
        S3CheckpointFiles zombie = _place.Open(), successor = OnAnotherMachine();
        using IDisposable held = zombie.Lock();
        zombie.Write("a", "x", stream => stream.Write("old"u8));
        using IDisposable taken = successor.Lock();
        successor.Write("a", "x", stream => stream.Write("new"u8));
        foreach (Action change in (Action[])
        [
            () => zombie.Write("a", "x", stream => stream.Write("late"u8)), () => zombie.Write("a", "y", stream => stream.Write(new byte[3500])),
            () => zombie.Delete("a", "x"), () => zombie.DeleteFolder("a"), () => zombie.DeleteLeftovers("a"), () => zombie.Move("a", "x", "b"),
        ])
        {
            var error = Assert.Throws<StorageException>(change);
            Assert.Equal(ErrorKind.Conflict, error.Kind);
            Assert.StartsWith("another process now writes the checkpoints in s3://checkpoints/runs/nmnist", error.Message);
        }
        Assert.Equal("new", Encoding.UTF8.GetString(_place.Server["runs/nmnist/a/x"]));
        Assert.Equal(["runs/nmnist/a/x", OwnerKey], _place.Server.Keys);
        Assert.Equal(0, _place.Server.Uploads);
    }

    [Fact]
    public void A_save_that_a_successor_interrupts_fails_and_the_successors_checkpoint_remains()
    {
        var files = new Interrupted(_place.Open(), () => new CheckpointStore(OnAnotherMachine(), States.SmallSlices).Save(States.Info(7), States.State(7)));
        var error = Assert.Throws<SpikeformerException>(() => new CheckpointStore(files, States.SmallSlices).Save(States.Info(5), States.State(5)));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.Empty(States.AssertNewest(_place.OpenStore(), 7).Skipped);
        Assert.Equal([7], _place.OpenStore().List().Select(entry => entry.Id.Step));
    }

    [Fact]
    public void Of_two_concurrent_writers_one_is_admitted()
    {
        bool isFirst = true;
        _place.Server.Fault = request =>
        {
            if (request.Method != "PUT" || !isFirst) return S3Fault.None;
            isFirst = false;
            // The other writer was a moment faster.
            _place.Server[OwnerKey] = Encoding.UTF8.GetBytes(
                $$"""{"run":"nmnist","start":"{{_place.Owner().Start}}","directory":"/runs/nmnist","holder":"node-2, process 7","nonce":"{{Guid.NewGuid()}}"}""");
            return S3Fault.None;
        };
        var error = Assert.Throws<SpikeformerException>(() => _place.Open().Lock().Dispose());
        Assert.Equal((ErrorKind.Conflict, true), (error.Kind, error.Message.Contains("is being written by node-2, process 7", StringComparison.Ordinal)));
        _place.Open().Lock().Dispose(); // after the other writer it is admitted
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_claim_whose_answer_was_lost_is_recognized(bool isThereAlready)
    {
        if (isThereAlready) _place.Open().Lock().Dispose();
        int seen = 0;
        _place.Server.Fault = request => request.Method == "PUT" && seen++ == 0 ? S3Fault.DropAnswer : S3Fault.None;
        S3CheckpointFiles files = _place.Open();
        using IDisposable held = files.Lock();
        files.Write("a", "x", stream => stream.Write("1"u8));
        Assert.Equal("1", Encoding.UTF8.GetString(_place.Server["runs/nmnist/a/x"]));
    }

    [Fact]
    public void A_store_without_conditional_writes_gives_one_warning_and_a_successor_is_still_noticed()
    {
        _place.Server.KnowsConditions = false;
        CheckpointStore store = _place.OpenStore();
        foreach (long step in (long[])[1, 2]) store.Save(States.Info(step), States.State(step));
        Assert.Contains("does not support conditional writes", Assert.Single(_place.Warnings));
        S3CheckpointFiles zombie = _place.Open();
        using IDisposable held = zombie.Lock();
        using IDisposable taken = OnAnotherMachine().Lock();
        Assert.Throws<StorageException>(() => zombie.DeleteFolder("step-1"));
        States.AssertNewest(_place.OpenStore(), 2);
    }

    [Fact]
    public void A_damaged_claim_is_reported()
    {
        _place.Server[OwnerKey] = "{"u8.ToArray();
        var error = Assert.Throws<SpikeformerException>(() => _place.Open().Lock().Dispose());
        Assert.Equal((ErrorKind.CheckFailed, true), (error.Kind, error.Message.StartsWith("s3://checkpoints/runs/nmnist/owner.json is damaged", StringComparison.Ordinal)));
    }

    /// <summary>Runs an action before a manifest is written.</summary>
    private sealed class Interrupted(ICheckpointFiles inner, Action interrupt) : ICheckpointFiles
    {
        public string Location => inner.Location;
        public IReadOnlyList<string> Folders() => inner.Folders();
        public IReadOnlyList<string> Files(string folder) => inner.Files(folder);
        public Stream OpenRead(string folder, string file) => inner.OpenRead(folder, file);
        public void Delete(string folder, string file) => inner.Delete(folder, file);
        public void DeleteFolder(string folder) => inner.DeleteFolder(folder);
        public void DeleteLeftovers(string folder) => inner.DeleteLeftovers(folder);
        public long? AvailableBytes() => inner.AvailableBytes();
        public IDisposable Lock() => inner.Lock();

        public void Write(string folder, string file, Action<Stream> content)
        {
            if (file == Manifest.FileName) interrupt();
            inner.Write(folder, file, content);
        }
    }
}
