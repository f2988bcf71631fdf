using Spikeformer.Data.Events;

namespace Spikeformer.Data.Recordings;

/// <summary>Decodes the bytes of a sample into events.</summary>
/// <param name="bytes">The bytes, valid only during the call.</param>
/// <param name="file">The source of the bytes.</param>
/// <param name="events">Receives the recording in order of time.</param>
internal delegate RecordingNotes RecordingDecoder(ArraySegment<byte> bytes, RecordingFile file, EventStream events);

/// <summary>A data set of recordings in files.</summary>
/// <remarks>Opening the data set reads every file once for the content hash. Reading a file that has changed since then is an error.</remarks>
public class FileRecordingDataset : RecordingDataset
{
    private readonly RecordingFiles _files;
    private readonly RecordingDecoder _decode;

    internal FileRecordingDataset(string name, IReadOnlyList<string> classNames, FrameOptions options, RecordingFiles files, RecordingDecoder decode)
        : base(options) => (Name, ClassNames, _files, _decode) = (name, classNames, files, decode);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override string ContentHash => _files.ContentHash;

    /// <inheritdoc/>
    public override int Count(Split split) => _files[split].Length;

    /// <inheritdoc/>
    public override int Label(Split split, int index) => _files[split][index].Label;

    /// <inheritdoc/>
    public override RecordingNotes ReadRecording(Split split, int index, EventStream events)
    {
        RecordingFile file = _files[split][index];
        using RecordingBytes read = _files.Read(file);
        return _decode(read.Bytes, file, events);
    }
}
