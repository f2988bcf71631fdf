using Spikeformer.Numerics;

namespace Spikeformer.Data;

/// <summary>A data set whose labels follow another order of the same class names: that of the weights that are to classify it. The authors sort the
/// class folders of DVS128 Gesture as texts, others number them.</summary>
public sealed class RelabelledDataset : IDataset
{
    private readonly IDataset _inner;
    private readonly int[] _labels;

    private RelabelledDataset(IDataset inner, IReadOnlyList<string> classNames)
    {
        (_inner, ClassNames) = (inner, classNames);
        _labels = [.. inner.ClassNames.Select(name => classNames.Index().Single(other => other.Item == name).Index)];
    }

    /// <summary>A data set with the classes in the order given.</summary>
    /// <param name="dataset">The data; itself when it has that order. Disposed with the result.</param>
    /// <param name="classNames">The classes in the order of a network's outputs.</param>
    /// <exception cref="SpikeformerException">The data have other classes (Conflict).</exception>
    public static IDataset Of(IDataset dataset, IReadOnlyList<string> classNames)
    {
        if (dataset.ClassNames.SequenceEqual(classNames)) return dataset;
        if (dataset.ClassNames.Distinct().Count() == classNames.Count && dataset.ClassNames.Order().SequenceEqual(classNames.Order()))
            return new RelabelledDataset(dataset, classNames);
        throw new SpikeformerException(ErrorKind.Conflict,
            $"The data have the {dataset.ClassNames.Count} classes {Shown(dataset.ClassNames)}; the weights were trained on the {classNames.Count} classes {Shown(classNames)}",
            "Give the data set that they were trained on with --data");
    }

    /// <inheritdoc/>
    public string Name => _inner.Name;

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public SampleShape Shape => _inner.Shape;

    /// <inheritdoc/>
    public string ContentHash => _inner.ContentHash;

    /// <inheritdoc/>
    public int Count(Split split) => _inner.Count(split);

    /// <inheritdoc/>
    public int Label(Split split, int index) => _labels[_inner.Label(split, index)];

    /// <inheritdoc/>
    public void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW) => _inner.Read(split, index, augmentation, frames_TCHW);

    /// <inheritdoc/>
    public void Dispose() => _inner.Dispose();

    private static string Shown(IReadOnlyList<string> names) => string.Join(", ", names.Take(20)) + (names.Count > 20 ? ", ..." : "");
}
