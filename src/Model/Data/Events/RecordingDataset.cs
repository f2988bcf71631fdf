using System.Collections.Concurrent;

namespace Spikeformer.Data.Events;

/// <summary>A data set whose samples are event recordings. Callers can read a sample as events or, as the trainer does, as frames.</summary>
/// <remarks>Safe for concurrent readers. Once each reading thread has read the longest recording, reading allocates no memory.</remarks>
/// <param name="options">How to turn recordings into frames.</param>
public abstract class RecordingDataset(FrameOptions options) : IFrameDataset
{
    private readonly ConcurrentBag<EventStream> _idle = [];

    /// <summary>How recordings are turned into frames.</summary>
    public FrameOptions Options { get; } = options;

    /// <inheritdoc/>
    public SampleShape Shape => Options.Shape;

    /// <inheritdoc/>
    public string FrameKey => Options.Key;

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public abstract string ContentHash { get; }

    /// <inheritdoc/>
    public abstract int Count(Split split);

    /// <inheritdoc/>
    public abstract int Label(Split split, int index);

    /// <summary>Reads a sample's recording.</summary>
    /// <param name="split">The part of the data set.</param>
    /// <param name="index">Sample number, 0 to Count(split)-1.</param>
    /// <param name="events">Receives the recording in order of time. Its previous content is discarded.</param>
    /// <exception cref="SpikeformerException">The file is damaged or missing. The message names the file and the byte.</exception>
    public abstract RecordingNotes ReadRecording(Split split, int index, EventStream events);

    /// <inheritdoc/>
    public void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW)
    {
        if (!_idle.TryTake(out var events)) events = new();
        ReadRecording(split, index, events);
        EventFrames.Fill(events, Options, frames_TCHW);
        _idle.Add(events);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _idle.Clear();
        GC.SuppressFinalize(this);
    }
}
