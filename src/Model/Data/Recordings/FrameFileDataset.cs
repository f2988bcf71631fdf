using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.Numerics;

namespace Spikeformer.Data.Recordings;

/// <summary>Frames that SpikingJelly has already made of recordings, one <c>.npz</c> file a sample.</summary>
/// <remarks>Opening reads every file once, for the content hash. A file that changes afterwards is refused when it is read.</remarks>
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
        if (options.Clip > 0)
            foreach (ref float count in frames_TCHW) count = Math.Min(count, options.Clip);
    }

    public void Dispose()
    {
    }
}
