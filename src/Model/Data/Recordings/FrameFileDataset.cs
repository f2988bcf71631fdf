using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;

namespace Spikeformer.Data.Recordings;

/// <summary>A data set of frames that SpikingJelly made from recordings, one <c>.npz</c> file per sample.</summary>
/// <remarks>Opening the data set reads every file once for the content hash. Reading a file that has changed since then is an error.</remarks>
internal sealed class FrameFileDataset(string name, IReadOnlyList<string> classNames, FrameOptions options, RecordingFiles files) : IFrameDataset
{
    public string Name => name;

    public IReadOnlyList<string> ClassNames => classNames;

    public SampleShape Shape => options.Shape;

    public string FrameKey => options.Key;

    public string ContentHash => files.ContentHash;

    public int Count(Split split) => files[split].Length;

    public int Label(Split split, int index) => files[split][index].Label;

    public void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW)
    {
        RecordingFile file = files[split][index];
        using RecordingBytes read = files.Read(file);
        NpzReader.ReadFrames(read.Bytes, file.Name, options.Shape, frames_TCHW);
        options.LimitCounts(frames_TCHW);
    }

    public void Dispose()
    {
    }
}
