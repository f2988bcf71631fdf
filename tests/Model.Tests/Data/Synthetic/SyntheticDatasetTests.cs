using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Spikeformer.Data;
using Spikeformer.Data.Events;
using Spikeformer.Data.Synthetic;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Synthetic;

public sealed class SyntheticDatasetTests
{
    private static readonly FrameOptions Options = new(4, FramesBy.Number, 0, 32, 32, 0);
    private static readonly SyntheticDataset Dataset = new(Options);

    [Fact]
    public void Recordings_are_the_same_on_every_machine()
    {
        var events = new EventStream();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int i = 0; i < 22; i++)
        {
            Dataset.ReadRecording(Split.Train, i, events);
            hash.AppendData(MemoryMarshal.AsBytes(events.Times));
            hash.AppendData(MemoryMarshal.AsBytes(events.X));
            hash.AppendData(MemoryMarshal.AsBytes(events.Y));
            hash.AppendData(events.Polarities);
        }
        // Any change of the camera or the gestures changes this hash. Then increase SyntheticDataset.Version and update the hash.
        Assert.Equal("3437d21cf1e6800f9ae40bf591b8bf44e0c9a73e293255f576436c1269e50c57", Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    [Fact]
    public void Recordings_do_not_depend_on_earlier_or_concurrent_reads()
    {
        var alone = Frames(new SyntheticDataset(Options), Split.Test, 42);
        var shared = new float[110][];
        Parallel.For(0, 110, i => shared[i] = Frames(Dataset, Split.Test, i));
        Assert.Equal(alone, shared[42]);
        Assert.Equal(110,
            shared.Select(frames => Convert.ToHexString(SHA256.HashData(MemoryMarshal.AsBytes(frames.AsSpan())))).Distinct().Count());
    }

    [Fact]
    public void Splits_are_balanced_and_disjoint()
    {
        Assert.Equal((11, 330, 110), (Dataset.ClassNames.Distinct().Count(), Dataset.Count(Split.Train), Dataset.Count(Split.Test)));
        foreach (var split in Enum.GetValues<Split>())
            Assert.All(Enumerable.Range(0, Dataset.Count(split)).CountBy(i => Dataset.Label(split, i)),
                pair => Assert.Equal(Dataset.Count(split) / 11, pair.Value));
        Assert.NotEqual(Frames(Dataset, Split.Train, 5), Frames(Dataset, Split.Test, 5));
    }

    [Fact]
    public void Every_recording_lasts_a_second_and_has_both_polarities()
    {
        var events = new EventStream();
        for (int i = 0; i < 110; i++)
        {
            Dataset.ReadRecording(Split.Test, i, events);
            Assert.InRange(events.Count, 500, 4000);
            Assert.InRange(events.Times[0], 0, 100_000);
            Assert.InRange(events.Times[^1], 900_000, 1_000_000);
            Assert.InRange(events.Polarities.ToArray().Average(p => p), 0.4, 0.6);
        }
    }

    [Fact]
    public void The_content_hash_depends_on_the_options()
    {
        string[] hashes =
        [
            Dataset.ContentHash, new SyntheticDataset(Options with { TimeSteps = 5 }).ContentHash,
            new SyntheticDataset(Options, trainSamples: 331).ContentHash, new SyntheticDataset(Options, testSamples: 111).ContentHash,
        ];
        Assert.Equal(4, hashes.Distinct().Count());
        Assert.Equal(hashes[0], new SyntheticDataset(Options).ContentHash);
    }

    [Fact]
    public void The_place_of_a_movement_does_not_reveal_the_class()
    {
        // Classifies by the nearest class mean of the centre of all events. Chance is 1/11.
        var centres = Enum.GetValues<Split>().ToDictionary(split => split,
            split => Enumerable.Range(0, Dataset.Count(split)).Select(i => Centre(split, i)).ToArray());
        var means = Enumerable.Range(0, 11).Select(label => centres[Split.Train].Where((_, i) => i % 11 == label)
            .Aggregate((X: 0.0, Y: 0.0), (sum, c) => (sum.X + c.X / 30, sum.Y + c.Y / 30))).ToArray();
        int correct = centres[Split.Test].Where((c, i) => i % 11 == Array.IndexOf(means,
            means.MinBy(m => (m.X - c.X) * (m.X - c.X) + (m.Y - c.Y) * (m.Y - c.Y)))).Count();
        Assert.InRange(correct / 110.0, 0, 0.35);
    }

    [Fact]
    public void Motion_reveals_the_class_and_a_still_image_of_the_whole_recording_does_not()
    {
        Assert.InRange(SoftmaxRegression.TestAccuracy(Dataset, still: false), 0.9, 1);
        Assert.InRange(SoftmaxRegression.TestAccuracy(Dataset, still: true), 0, 0.85);
    }

    [Theory]
    [InlineData(0), InlineData(0.1), InlineData(0.25), InlineData(0.4), InlineData(0.5), InlineData(0.75), InlineData(-0.3),
        InlineData(7.9)]
    public void Sine_and_cosine_are_exact_to_a_ten_millionth(double turn)
    {
        Assert.Equal(Math.Sin(2 * Math.PI * turn), Turns.Sin(turn), 1e-7);
        Assert.Equal(Math.Cos(2 * Math.PI * turn), Turns.Cos(turn), 1e-7);
    }

    private static (double X, double Y) Centre(Split split, int index)
    {
        var events = new EventStream();
        Dataset.ReadRecording(split, index, events);
        return (events.X.ToArray().Average(x => x), events.Y.ToArray().Average(y => y));
    }

    private static float[] Frames(SyntheticDataset dataset, Split split, int index)
    {
        var frames = new float[dataset.Shape.Elements];
        dataset.Read(split, index, null, frames);
        return frames;
    }
}
