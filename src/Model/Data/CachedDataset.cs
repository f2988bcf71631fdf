using Spikeformer.Training;

namespace Spikeformer.Data;

/// <summary>Recordings whose frames come from a cache file. Owns both.</summary>
internal sealed class CachedDataset(RecordingDataset inner, FrameCacheFile cache) : IDataset
{
    private readonly int _train = inner.Count(Split.Train), _test = inner.Count(Split.Test);

    public string Name => inner.Name;

    public IReadOnlyList<string> ClassNames => inner.ClassNames;

    public SampleShape Shape { get; } = inner.Shape;

    public string ContentHash => inner.ContentHash;

    public int Count(Split split) => split == Split.Train ? _train : _test;

    public int Label(Split split, int index) => inner.Label(split, index);

    public void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count(split), nameof(index));
        ArgumentOutOfRangeException.ThrowIfNotEqual(frames_TCHW.Length, Shape.Elements, nameof(frames_TCHW));
        cache.Read(split, index, frames_TCHW);
    }

    public void Dispose()
    {
        cache.Dispose();
        inner.Dispose();
    }
}
