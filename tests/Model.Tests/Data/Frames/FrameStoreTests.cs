using Spikeformer.Data;
using Spikeformer.Data.Frames;
using Spikeformer.Model.Tests.Data.Recordings;
using Spikeformer.Numerics;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Frames;

public sealed class FrameStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory, InlineData(1), InlineData(4)]
    public void A_store_is_self_contained(int threads)
    {
        using var source = new Numbers();
        using (FileStream file = File.Create(_folder["a.frames"])) FrameStoreWriter.Write(file.SafeFileHandle, source, threads);
        using FrameStore store = FrameStore.Open(_folder["a.frames"]);
        DvsGestureTests.AssertSame(source, store);
        Assert.Equal((source.ContentHash, source.FrameKey), (store.ContentHash, store.FrameKey));
    }

    [Fact]
    public void An_interrupted_write_continues_wherever_it_stopped()
    {
        for (int stop = 0; stop < 12; stop++)
        {
            using var source = new Numbers();
            using var file = new FileStream(_folder["a.frames"], FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite);
            using var cancelled = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => FrameStoreWriter.Write(file.SafeFileHandle, source, 1, done =>
            {
                if (done == stop) cancelled.Cancel();
            }, cancelled.Token));
            Assert.Equal(stop, source.Reads);
            Assert.Contains("it is unfinished", Assert.Throws<SpikeformerException>(() => FrameStore.Open(_folder["a.frames"])).Message);
            var progress = new List<int>();
            FrameStoreWriter.Write(file.SafeFileHandle, source, 1, progress.Add);
            Assert.Equal(12, source.Reads);
            Assert.Equal(Enumerable.Range(stop, 13 - stop), progress);
            using FrameStore store = FrameStore.Open(_folder["a.frames"]);
            DvsGestureTests.AssertSame(new Numbers(), store);
        }
    }

    [Fact]
    public void Samples_that_did_not_reach_the_disk_are_written_again()
    {
        using var source = new Numbers();
        Interrupt(source, after: 8);
        byte[] bytes = File.ReadAllBytes(_folder["a.frames"]);
        // Like a power cut: all entries are on the disk, but the last one and a half samples are missing.
        bytes.AsSpan(bytes.Length - 30).Clear();
        File.WriteAllBytes(_folder["a.frames"], bytes);
        using (FileStream file = File.Open(_folder["a.frames"], FileMode.Open)) FrameStoreWriter.Write(file.SafeFileHandle, source);
        Assert.Equal(12 + 2, source.Reads);
        using FrameStore store = FrameStore.Open(_folder["a.frames"]);
        DvsGestureTests.AssertSame(new Numbers(), store);
    }

    [Fact]
    public void An_unfinished_store_of_another_data_set_is_rewritten()
    {
        using var other = new Numbers { Hash = 'b' };
        Interrupt(other, after: 5);
        using var source = new Numbers();
        using (FileStream file = File.Open(_folder["a.frames"], FileMode.Open)) FrameStoreWriter.Write(file.SafeFileHandle, source);
        Assert.Equal(12, source.Reads);
        using FrameStore store = FrameStore.Open(_folder["a.frames"]);
        Assert.Equal(source.ContentHash, store.ContentHash);
    }

    [Fact]
    public void A_damaged_recording_stops_the_write_with_its_own_error()
    {
        using var source = new Numbers { Damaged = 7 };
        using FileStream file = File.Create(_folder["a.frames"]);
        Assert.Equal("sample 7 is damaged", Assert.Throws<SpikeformerException>(() => FrameStoreWriter.Write(file.SafeFileHandle, source, 3)).What);
    }

    [Fact]
    public void Every_damaged_byte_is_found()
    {
        using var source = new Numbers();
        using (FileStream file = File.Create(_folder["a.frames"])) FrameStoreWriter.Write(file.SafeFileHandle, source);
        byte[] good = File.ReadAllBytes(_folder["a.frames"]);
        for (int at = 0; at < good.Length; at++)
        {
            byte[] bad = [.. good];
            bad[at] ^= 0x20;
            File.WriteAllBytes(_folder["a.frames"], bad);
            var error = Assert.Throws<SpikeformerException>(() => FrameStore.Open(_folder["a.frames"]));
            Assert.Equal(ErrorKind.CheckFailed, error.Kind);
            Assert.StartsWith(_folder["a.frames"], error.Message);
        }
        Assert.Equal(ErrorKind.NotFound, Assert.Throws<SpikeformerException>(() => FrameStore.Open(_folder["gone.frames"])).Kind);
    }

    private void Interrupt(IFrameDataset source, int after)
    {
        using FileStream file = File.Create(_folder["a.frames"]);
        using var cancelled = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => FrameStoreWriter.Write(file.SafeFileHandle, source, 1, done =>
        {
            if (done == after) cancelled.Cancel();
        }, cancelled.Token));
    }

    /// <summary>Eight training and four test samples of 20 numbers each, all different.</summary>
    private sealed class Numbers : IFrameDataset
    {
        private int _reads;

        public int Reads => _reads;
        public char Hash { get; init; } = 'a';
        public int Damaged { get; init; } = -1;
        public string Name => "numbers";
        public IReadOnlyList<string> ClassNames => ["even", "odd"];
        public SampleShape Shape => new(1, 2, 2, 5);
        public string ContentHash => new(Hash, 64);
        public string FrameKey => "numbers/1";
        public int Count(Split split) => split == Split.Train ? 8 : 4;
        public int Label(Split split, int index) => index % 2;

        public void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW)
        {
            Interlocked.Increment(ref _reads);
            if (split == Split.Train && index == Damaged) throw new SpikeformerException(ErrorKind.CheckFailed, $"sample {index} is damaged", "Copy it again");
            // The third sample of each split needs two bytes per value, the fourth needs four.
            int first = index switch { 2 => 300, 3 => 70_000, _ => 20 * index };
            for (int i = 0; i < frames_TCHW.Length; i++) frames_TCHW[i] = first + i + (split == Split.Test ? 1 : 0);
        }

        public void Dispose()
        {
        }
    }
}
