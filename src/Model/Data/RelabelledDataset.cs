namespace Spikeformer.Data;

/// <summary>A data set with its labels mapped to another order of the same class names, the order that the weights were trained with. The
/// authors sort the class folders of DVS128 Gesture as text; other programs sort them by number.</summary>
public sealed class RelabelledDataset : IDataset
{
    private readonly IDataset _inner;
    private readonly int[] _labels;

    private RelabelledDataset(IDataset inner, IReadOnlyList<string> classNames)
    {
        (_inner, ClassNames) = (inner, classNames);
        _labels = [.. inner.ClassNames.Select(name => classNames.Index().Single(other => other.Item == name).Index)];
    }

    /// <summary>Returns a data set with the classes in the given order.</summary>
    /// <param name="dataset">The data set. Returned unchanged if it already has this order; otherwise the result owns and disposes it.</param>
    /// <param name="classNames">The classes in the order of the network's outputs.</param>
    /// <exception cref="SpikeformerException">The data set has other classes (Conflict).</exception>
    public static IDataset Of(IDataset dataset, IReadOnlyList<string> classNames)
    {
        if (dataset.ClassNames.SequenceEqual(classNames)) return dataset;
        if (dataset.ClassNames.Distinct().Count() == classNames.Count && dataset.ClassNames.Order().SequenceEqual(classNames.Order()))
            return new RelabelledDataset(dataset, classNames);
        throw new SpikeformerException(ErrorKind.Conflict,
            $"The data set has {dataset.ClassNames.Count} classes ({Shown(dataset.ClassNames)}), but the weights were trained on {classNames.Count} ({Shown(classNames)})",
            "Give the data set that the weights were trained on with --data");
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
