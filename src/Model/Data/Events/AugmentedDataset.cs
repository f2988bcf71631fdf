namespace Spikeformer.Data.Events;

/// <summary>Wraps a data set of event frames: reading with a key augments the sample, reading without one returns it unchanged. Disposes the
/// wrapped data set.</summary>
/// <remarks>The augmentation is a pure function of the key (seed, epoch, sample).</remarks>
internal sealed class AugmentedDataset(IDataset clean, Augmentation kind) : IDataset
{
    public string Name => clean.Name;

    public IReadOnlyList<string> ClassNames => clean.ClassNames;

    public SampleShape Shape { get; } = clean.Shape;

    public string ContentHash => clean.ContentHash;

    public int Count(Split split) => clean.Count(split);

    public int Label(Split split, int index) => clean.Label(split, index);

    public void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW)
    {
        clean.Read(split, index, null, frames_TCHW);
        if (augmentation is not { } random) return;
        DvsAugmentation.Apply(kind, DvsDraws.Of(ref random, Shape.Height, Shape.Width), frames_TCHW, Shape);
    }

    public void Dispose() => clean.Dispose();
}
