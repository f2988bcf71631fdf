using Spikeformer.Data;
using Spikeformer.Data.Events;
using Spikeformer.Data.Frames;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Frames;

public sealed class FrameCacheTests : IDisposable
{
    private readonly string _cache = Directory.CreateTempSubdirectory("spikeformer-cache-").FullName;
    private readonly List<string> _warnings = [];

    public void Dispose() => Directory.Delete(_cache, recursive: true);

    [Fact]
    public void Cached_frames_equal_decoded_ones_and_are_not_decoded_again()
    {
        var first = new CountingDataset();
        using (var cached = Wrap(first)) AssertSame(first, cached);
        Assert.Single(Files());
        var second = new CountingDataset();
        using var again = Wrap(second);
        AssertSame(new CountingDataset(), again);
        Assert.Equal(0, second.Reads);
        Assert.Equal((first.ContentHash, first.Shape, 5, 3, 1), (again.ContentHash, again.Shape, again.Count(Split.Train),
            again.Count(Split.Test), again.Label(Split.Train, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => again.Read(Split.Test, 3, null, new float[again.Shape.Elements]));
        Assert.Empty(_warnings);
    }

    [Theory]
    [InlineData(255, 1), InlineData(256, 2), InlineData(65535, 2), InlineData(65536, 4)]
    public void A_sample_uses_the_smallest_type_for_its_largest_count(int largest, int bytes)
    {
        var source = new CountingDataset(largest);
        using (var cached = Wrap(source)) AssertSame(source, cached);
        long length = new FileInfo(Files().Single()).Length;
        Directory.Delete(_cache, recursive: true);
        Wrap(new CountingDataset()).Dispose();
        Assert.Equal((bytes - 1) * source.Shape.Elements, length - new FileInfo(Files().Single()).Length);
    }

    [Theory]
    [InlineData(0), InlineData(8), InlineData(12), InlineData(45), InlineData(75), InlineData(125), InlineData(128), InlineData(-1)]
    public void A_damaged_byte_anywhere_is_found_and_the_cache_rebuilt(int at)
    {
        Wrap(new CountingDataset()).Dispose();
        string file = Files().Single();
        byte[] good = File.ReadAllBytes(file), bad = [.. good];
        bad[at < 0 ? ^1 : at] ^= 0x10;
        File.WriteAllBytes(file, bad);
        var source = new CountingDataset();
        using var cached = Wrap(source);
        Assert.Equal(8, source.Reads);
        AssertSame(new CountingDataset(), cached);
        Assert.Equal(good, File.ReadAllBytes(file));
    }

    [Theory]
    [InlineData(0), InlineData(127), InlineData(128), InlineData(200)]
    public void A_truncated_cache_is_rebuilt(int length)
    {
        Wrap(new CountingDataset()).Dispose();
        using (var file = File.OpenWrite(Files().Single())) file.SetLength(length);
        using var cached = Wrap(new CountingDataset());
        AssertSame(new CountingDataset(), cached);
    }

    [Fact]
    public void A_cache_of_another_data_set_under_this_name_is_rebuilt()
    {
        Wrap(new CountingDataset()).Dispose();
        string mine = Files().Single();
        Wrap(new CountingDataset(hash: 'b')).Dispose();
        File.Copy(Files().Single(file => file != mine), mine, overwrite: true);
        var source = new CountingDataset();
        using var cached = Wrap(source);
        Assert.Equal(8, source.Reads);
    }

    [Fact]
    public void An_unusable_folder_only_causes_a_warning()
    {
        string blocked = Path.Combine(_cache, "file");
        File.WriteAllText(blocked, "in the way");
        var source = new CountingDataset();
        var result = FrameCache.Wrap(source, new() { Folder = Path.Combine(blocked, "cache"), Warn = _warnings.Add });
        Assert.Same(source, result);
        Assert.Contains("continuing without a cache", Assert.Single(_warnings));
        Assert.Same(source, FrameCache.Wrap(source, new() { Folder = "/proc/spikeformer", Warn = _warnings.Add }));
        Assert.Equal(2, _warnings.Count);
    }

    [Fact]
    public void A_disk_error_while_writing_causes_a_warning_and_leaves_no_file()
    {
        var source = new CountingDataset { Failure = new IOException("No space left on device") };
        Assert.Same(source, Wrap(source));
        Assert.Contains("No space left on device", Assert.Single(_warnings));
        Assert.Empty(Directory.GetFiles(_cache));
    }

    [Fact]
    public void A_damaged_recording_is_an_error_and_leaves_no_file()
    {
        var source = new CountingDataset { Failure = new SpikeformerException(ErrorKind.CheckFailed, "x.bin: damaged", "Copy it again") };
        Assert.StartsWith("x.bin: damaged", Assert.Throws<SpikeformerException>(() => Wrap(source)).Message);
        Assert.Empty(Directory.GetFiles(_cache));
    }

    [Fact]
    public void Leftovers_of_killed_processes_are_removed_but_not_files_being_written()
    {
        string abandoned = Path.Combine(_cache, "x.frames.1-a.tmp"), busy = Path.Combine(_cache, "x.frames.2-b.tmp");
        File.WriteAllText(abandoned, "");
        using var writer = new FileStream(busy, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read);
        Wrap(new CountingDataset()).Dispose();
        Assert.Equal([false, true], new[] { File.Exists(abandoned), File.Exists(busy) });
    }

    [Fact]
    public void Several_readers_can_build_and_read_at_the_same_time()
    {
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using var cached = Wrap(new CountingDataset());
            AssertSame(new CountingDataset(), cached);
        });
        Assert.Single(Directory.GetFiles(_cache));
    }

    [Fact]
    public void A_disabled_cache_touches_nothing()
    {
        var source = new CountingDataset();
        Assert.Same(source, FrameCache.Wrap(source, new() { Enabled = false, Folder = _cache }));
        Assert.Empty(Directory.GetFiles(_cache));
    }

    private IDataset Wrap(RecordingDataset dataset) =>
        FrameCache.Wrap(dataset, new() { Folder = _cache, Warn = text => { lock (_warnings) _warnings.Add(text); } });

    private string[] Files() => Directory.GetFiles(_cache, "*.frames");

    private static void AssertSame(IDataset expected, IDataset actual)
    {
        float[] a = new float[expected.Shape.Elements], b = new float[expected.Shape.Elements];
        foreach (var split in Enum.GetValues<Split>())
            for (int i = 0; i < expected.Count(split); i++)
            {
                expected.Read(split, i, null, a);
                actual.Read(split, i, null, b);
                Assert.Equal(a, b);
            }
    }

    /// <summary>Five training and three test samples. Each sample of a split sets another pixel; the last test sample has the largest count.</summary>
    private sealed class CountingDataset(int largest = 3, char hash = 'a') : RecordingDataset(new(1, FramesBy.Number, 0, 4, 5, 0))
    {
        private int _reads;

        public int Reads => _reads;
        public Exception? Failure { get; init; }
        public override string Name => "counting";
        public override IReadOnlyList<string> ClassNames => ["even", "odd"];
        public override string ContentHash => new(hash, 64);
        public override int Count(Split split) => split == Split.Train ? 5 : 3;
        public override int Label(Split split, int index) => index % 2;

        public override RecordingNotes ReadRecording(Split split, int index, EventStream events)
        {
            Interlocked.Increment(ref _reads);
            if (Failure is not null && split == Split.Test) throw Failure;
            events.Clear(new(5, 4));
            int count = split == Split.Test && index == 2 ? largest : 1 + index;
            for (int i = 0; i < count; i++) events.Add(i, index, (int)split, 1);
            return default;
        }
    }
}
