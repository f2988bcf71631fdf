using System.Collections.Concurrent;
using Spikeformer.Numerics;

namespace Spikeformer.Data.Events;

/// <summary>A data set of event recordings: samples are recordings, read as events or, as the trainer does, as frames.</summary>
/// <remarks>Safe for concurrent readers. Reading needs no garbage per sample once each reading thread has met the longest
/// recording.</remarks>
/// <param name="options">How recordings become frames.</param>
public abstract class RecordingDataset(FrameOptions options) : IFrameDataset
{
    private readonly ConcurrentBag<EventStream> _idle = [];

    /// <summary>How recordings become frames.</summary>
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
    /// <param name="events">Receives the recording, in order of time; what it held before is forgotten.</param>
    /// <exception cref="SpikeformerException">The file is damaged or missing; names the file and the byte.</exception>
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
