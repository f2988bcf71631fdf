using Spikeformer.Numerics;
using Spikeformer.Recipes;

namespace Spikeformer.Data.Events;

/// <summary>Event frames that are changed at random when they are read with a key, and clean without one. Owns the data set below it.</summary>
/// <remarks>What is drawn is a pure function of the key, (seed, epoch, sample).</remarks>
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
