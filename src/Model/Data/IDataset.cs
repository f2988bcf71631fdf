namespace Spikeformer.Data;

/// <summary>The two parts of a data set.</summary>
public enum Split
{
    /// <summary>Samples that the network is trained on.</summary>
    Train,
    /// <summary>Samples that accuracy is measured with.</summary>
    Test,
}

/// <summary>A labelled data set as the trainer sees it: numbered samples, read as frames. Reading a sample is a pure function of the split, the index
/// and the augmentation key, so every worker reads the same bits. Implementations are safe for concurrent readers.</summary>
public interface IDataset : IDisposable
{
    /// <summary>The kind of the data set by its recipe name, for example <c>nmnist</c>.</summary>
    string Name { get; }

    /// <summary>Class names. The index of a name is its label.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>The shape of every sample.</summary>
    SampleShape Shape { get; }

    /// <summary>Lower-case hex SHA-256 of everything that determines the samples: the content of the files, their order, labels and options.
    /// Two machines have the same hash exactly when they read the same samples.</summary>
    string ContentHash { get; }

    /// <summary>The number of samples in a split.</summary>
    int Count(Split split);

    /// <summary>The label of a sample, 0 to ClassNames.Count-1.</summary>
    int Label(Split split, int index);

    /// <summary>Reads a sample's frames.</summary>
    /// <param name="split">The part of the data set.</param>
    /// <param name="index">Sample number, 0 to Count(split)-1.</param>
    /// <param name="augmentation">Keyed stream for this (seed, epoch, sample); null reads the sample without augmentation.</param>
    /// <param name="frames_TCHW">Receives float32 values in row-major [T,C,H,W] order; its length is Shape.Elements. Overwritten completely.</param>
    /// <exception cref="SpikeformerException">The file is damaged or missing. The message names the file and the byte.</exception>
    void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW);
}

/// <summary>A data set whose samples are frames of event counts, which <c>FrameCache</c> can keep on disk.</summary>
public interface IFrameDataset : IDataset
{
    /// <summary>One line of text for how the recordings are cut, the canvas and the limits. It differs whenever the same recordings could give
    /// different frames.</summary>
    string FrameKey { get; }
}
