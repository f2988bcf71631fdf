using Spikeformer.Numerics;

namespace Spikeformer.Data;

/// <summary>Which part of a data set.</summary>
public enum Split
{
    /// <summary>Samples that weights are fitted to.</summary>
    Train,
    /// <summary>Samples that accuracy is measured on.</summary>
    Test,
}

/// <summary>
/// A labelled data set as the trainer sees it: numbered samples that are read as frames. Reading a sample is a pure function of the split,
/// the index and the augmentation key, so any worker reads the same bits. Implementations are safe for concurrent readers.
/// </summary>
public interface IDataset : IDisposable
{
    /// <summary>The data set's kind as recipes name it, for example <c>nmnist</c>.</summary>
    string Name { get; }

    /// <summary>Class names; the index of a name is the label that the network is trained on.</summary>
    IReadOnlyList<string> ClassNames { get; }

    /// <summary>The shape of every sample.</summary>
    SampleShape Shape { get; }

    /// <summary>Lower-case hex SHA-256 over everything that decides the samples: content of the files, their order, labels and options.
    /// Equal on two machines exactly when both read the same samples.</summary>
    string ContentHash { get; }

    /// <summary>Number of samples of a split.</summary>
    int Count(Split split);

    /// <summary>The label of a sample, 0 to ClassNames.Count-1.</summary>
    int Label(Split split, int index);

    /// <summary>Reads a sample's frames.</summary>
    /// <param name="split">The part of the data set.</param>
    /// <param name="index">Sample number, 0 to Count(split)-1.</param>
    /// <param name="augmentation">Keyed stream for this (seed, epoch, sample); null reads the clean sample.</param>
    /// <param name="frames_TCHW">Receives float32 values in row-major [T,C,H,W] order; length Shape.Elements; overwritten completely.</param>
    /// <exception cref="SpikeformerException">The file is damaged or missing; names the file and the byte.</exception>
    void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW);
}

/// <summary>A data set whose clean samples are frames of counts that can be kept: reading them once is enough.</summary>
public interface IFrameDataset : IDataset
{
    /// <summary>One line that differs whenever the frames could, the content of the recordings aside: how they were cut, canvas, limits.</summary>
    string FrameKey { get; }
}
