using Spikeformer.Checkpoints;
using Spikeformer.Numerics;
using Spikeformer.ObjectStore;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.TestKit.ObjectStore;
using Xunit;

namespace Spikeformer.Grains.Tests.ObjectStore;

/// <summary>A store that fails during a save.</summary>
public sealed class S3FaultTests : IDisposable
{
    private static readonly S3Fault[] s_passing = [S3Fault.Unavailable, S3Fault.TooMany, S3Fault.Internal, S3Fault.Drop, S3Fault.DropAnswer, S3Fault.HalfAnswer];

    // Slices have up to three parts.
    private static readonly S3Limits s_limits = S3Place.Quick with { PartBytes = 8000 };

    private readonly S3Place _place = new();

    public void Dispose() => _place.Dispose();

    private static int Faults => TestData.IsLong ? 200 : 25;

    /// <summary>Returns the number of requests of an undisturbed save when there are two checkpoints.</summary>
    private int RequestsOfASave()
    {
        CheckpointStore store = _place.OpenStore(s_limits);
        foreach (long step in (long[])[1, 2]) store.Save(States.Info(step), States.State(step));
        int before = _place.Server.Requests.Count;
        store.Save(States.Info(3), States.State(3));
        return _place.Server.Requests.Count - before;
    }

    [Fact]
    public void A_store_that_dies_at_any_request_of_a_save_leaves_a_valid_checkpoint()
    {
        int requests = RequestsOfASave(), inSave = 0;
        var random = new KeyedRandom(7, RandomPurpose.Synthetic);
        long last = 3;
        for (int fault = 0; fault < Faults; fault++)
        {
            // Half of the fatal requests are carried out, and only the answer is lost.
            (int at, S3Fault kind) = (random.NextInt32(requests), random.NextInt32(2) == 0 ? S3Fault.Drop : S3Fault.DropAnswer);
            int seen = 0;
            _place.Server.Fault = _ => seen++ < at ? S3Fault.None : seen == at + 1 ? kind : S3Fault.Drop;
            bool saved;
            try
            {
                _place.OpenStore(s_limits with { Retries = 1 }).Save(States.Info(last + 1), States.State(last + 1));
                saved = true;
            }
            catch (SpikeformerException error)
            {
                Assert.Equal(ErrorKind.Unreachable, error.Kind);
                saved = false;
                inSave++;
            }
            _place.Server.Fault = null;
            long newest = _place.OpenStore(s_limits).TryReadNewest().Checkpoint!.Info.Step;
            Assert.True(newest == last + 1 || (newest == last && !saved), $"fault {fault}: step {newest} instead of {last + 1}, saved {saved}");
            Assert.Empty(States.AssertNewest(_place.OpenStore(s_limits), newest).Skipped);
            last = newest;
        }
        Assert.True(inSave > Faults / 2, $"only {inSave} of {Faults} faults hit a save");
        _place.OpenStore(s_limits).Save(States.Info(last + 1), States.State(last + 1));
        Assert.Equal([last + 1, last], _place.OpenStore(s_limits).List().Select(entry => entry.Id.Step));
        Assert.Equal(0, _place.Server.Uploads);
        Assert.Equal(2, _place.Open().Folders().Count);
    }

    [Fact]
    public void A_temporary_fault_at_any_request_of_a_save_goes_unnoticed()
    {
        int requests = RequestsOfASave();
        var random = new KeyedRandom(8, RandomPurpose.Synthetic);
        for (long step = 4; step < 40; step++)
        {
            (int at, int seen) = (random.NextInt32(requests), 0);
            S3Fault kind = s_passing[(int)step % s_passing.Length];
            _place.Server.Fault = _ => seen++ == at ? kind : S3Fault.None;
            SaveResult result = _place.OpenStore(s_limits).Save(States.Info(step), States.State(step));
            Assert.Empty(result.Warnings);
            Assert.Equal([step - 2], result.Removed.Select(id => id.Step));
            Assert.Empty(States.AssertNewest(_place.OpenStore(s_limits), step).Skipped);
        }
        Assert.Empty(_place.Warnings);
        // The answer to the start of an upload may be lost. Then the upload remains until a later writer removes it.
        _place.Server.Fault = null;
        foreach (string folder in _place.Open().Folders()) _place.Open().DeleteLeftovers(folder);
        Assert.Equal(0, _place.Server.Uploads);
    }

    [Fact]
    public void A_read_that_loses_its_connection_continues_where_it_was()
    {
        ICheckpointFiles files = _place.Open();
        byte[] content = [.. Enumerable.Range(0, 5000).Select(i => (byte)(i * 7))];
        files.Write("a", "x", stream => stream.Write(content));
        int seen = 0;
        _place.Server.Fault = request => request.Method == "GET" && seen++ % 2 == 0 ? S3Fault.HalfAnswer : S3Fault.None;
        using Stream stream = files.OpenRead("a", "x");
        var read = new byte[5000];
        stream.ReadExactly(read);
        Assert.Equal(content, read);
        Assert.Equal(10, seen);
    }

    [Fact]
    public void Requests_carry_a_hash_for_the_store_to_check_and_bytes_that_change_in_the_store_are_detected()
    {
        CheckpointStore store = _place.OpenStore(s_limits);
        foreach (long step in (long[])[1, 2]) store.Save(States.Info(step), States.State(step));
        Assert.All(_place.Server.Requests.Where(request => request.Method == "PUT" && request.Key.EndsWith(".safetensors", StringComparison.Ordinal)),
            request => Assert.NotNull(request.Headers["x-amz-checksum-sha256"]));
        string key = _place.Server.Keys.First(key => key.EndsWith("step-2/model-00001-of-00002.safetensors", StringComparison.Ordinal));
        byte[] damaged = [.. _place.Server[key]];
        damaged[500] ^= 1;
        _place.Server[key] = damaged;
        Assert.Contains("its SHA-256 is", Assert.Single(States.AssertNewest(_place.OpenStore(s_limits), 1).Skipped).Reason);
    }

    [Theory]
    [InlineData(S3Fault.Forbidden, ErrorKind.Usage)]
    [InlineData(S3Fault.Unavailable, ErrorKind.Unreachable)]
    public void A_store_that_refuses_everything_is_not_mistaken_for_one_with_broken_checkpoints(S3Fault fault, ErrorKind kind)
    {
        CheckpointStore store = _place.OpenStore(s_limits);
        foreach (long step in (long[])[1, 2]) store.Save(States.Info(step), States.State(step));
        foreach (string file in (string[])["manifest.json", "model-00002-of-00002.safetensors"])
        {
            _place.Server.Fault = request => request.Method == "GET" && request.Key.EndsWith("step-2/" + file, StringComparison.Ordinal) ? fault : S3Fault.None;
            CheckpointStore asked = _place.OpenStore(s_limits);
            foreach (Action ask in (Action[])[() => asked.TryReadNewest(), () => asked.Verify(2), () => asked.Read(2)])
                Assert.Equal(kind, Assert.Throws<SpikeformerException>(ask).Kind);
            // Saving the same step again does not remove the unreadable checkpoint either.
            Assert.Equal(kind, Assert.Throws<SpikeformerException>(() => asked.Save(States.Info(2), States.State(2))).Kind);
            _place.Server.Fault = null;
            States.AssertNewest(_place.OpenStore(s_limits), 2);
        }
    }

    [Fact]
    public void A_failing_store_is_reported_and_the_next_save_succeeds_when_it_is_back()
    {
        var reports = new List<string>();
        using var checkpoints = new BackgroundCheckpoints(_place.OpenStore(s_limits), (info, saved, problem) => reports.Add(problem?.Message ?? $"saved {info.Step}"));
        void Save(long step)
        {
            checkpoints.Save(States.Info(step), States.State(step), best: false, ["a/0"]);
            checkpoints.Wait();
        }
        Save(1);
        _place.Server.Fault = _ => S3Fault.Unavailable;
        Save(2);
        _place.Server.Fault = null;
        Save(3);
        Assert.Equal(["saved 1", "saved 3"], [reports[0], reports[2]]);
        Assert.StartsWith("The checkpoint of step 2 was not saved in s3://checkpoints/runs/nmnist (earlier ones are untouched): the store does not serve requests", reports[1]);
        States.AssertNewest(_place.OpenStore(s_limits), 3);
    }
}
