using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json.Serialization;

namespace Spikeformer.Files;

/// <summary>
/// An append-only file with one JSON object per line: <c>steps.jsonl</c>, <c>events.jsonl</c>. If the process is killed, at most the last line
/// is lost; the next opening removes its remains. A full or broken disk never stops the caller: lines wait in memory, the log warns once, and
/// writes them when the disk works again. Thread-safe.
/// </summary>
public sealed class JsonLinesLog : IDisposable
{
    /// <summary>Maximum bytes of lines that wait in memory while the disk fails. Further lines are lost.</summary>
    public const int MaxWaitingBytes = 4 << 20;

    private static readonly JsonSerializerOptions JsonOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly string _path;
    private readonly Action<string> _warn;
    private readonly Lock _writing = new();
    private readonly ArrayBufferWriter<byte> _waiting = new();
    private readonly FileStream _file;
    private long _length;
    private int _waitingLines;
    private long _lostLines;
    private bool _failing;

    private JsonLinesLog(string path, FileStream file, Action<string> warn)
    {
        (_path, _file, _warn) = (path, file, warn);
        _length = file.Length;
    }

    /// <summary>Number of lines lost because the disk failed for too long.</summary>
    internal long LostLines => Volatile.Read(ref _lostLines);

    /// <summary>Opens a log for appending. Creates the file if necessary, and removes incomplete or non-JSON lines at its end.</summary>
    /// <param name="path">The file; its directory must exist.</param>
    /// <param name="warn">Receives a message when the disk starts to fail and when it works again. Called while the log is locked, so it must
    /// not write to this log.</param>
    /// <param name="throughStep">The checkpoint's step when a run resumes. The first line with a greater <c>step</c> and all later lines are
    /// removed, because the run computes those steps again. Null keeps all lines.</param>
    /// <exception cref="SpikeformerException">The file cannot be opened or read.</exception>
    public static JsonLinesLog Open(string path, Action<string> warn, long? throughStep = null)
    {
        ArgumentNullException.ThrowIfNull(warn);
        try
        {
            const FileShare Sharing = FileShare.ReadWrite | FileShare.Delete;
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, Sharing, bufferSize: 0);
            try
            {
                long end = JsonLines.ValidLength(file, throughStep ?? long.MaxValue);
                if (end != file.Length) file.SetLength(end);
                return new(path, file, warn);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot open the log {path}");
        }
    }

    /// <summary>Appends one line. Disk errors do not throw.</summary>
    /// <param name="line">An object. Names are written in camel case, enums as text, non-finite numbers as text such as <c>"NaN"</c>.</param>
    /// <typeparam name="T">Type of the line.</typeparam>
    /// <exception cref="ArgumentException"><paramref name="line"/> does not serialize to a JSON object.</exception>
    public void Append<T>(T line)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(line, JsonOptions);
        if (bytes[0] != '{') throw new ArgumentException($"{typeof(T).Name} does not serialize to a JSON object.", nameof(line));
        lock (_writing)
        {
            if (_waiting.WrittenCount + bytes.Length >= MaxWaitingBytes) _lostLines++;
            else
            {
                _waiting.Write(bytes);
                _waiting.Write("\n"u8);
                _waitingLines++;
            }
            WriteWaiting();
        }
    }

    /// <summary>Writes all waiting lines to the operating system.</summary>
    public void Flush()
    {
        lock (_writing) WriteWaiting();
    }

    /// <summary>Writes all lines to the disk, so that they survive a power cut; checkpoints need this. Disk errors do not throw.</summary>
    public void Sync()
    {
        lock (_writing)
        {
            WriteWaiting();
            try
            {
                _file.Flush(flushToDisk: true);
            }
            catch (Exception error) when (StorageErrors.IsStorage(error))
            {
                WarnOnce(error);
            }
        }
    }

    /// <summary>Writes all waiting lines and closes the file.</summary>
    public void Dispose()
    {
        lock (_writing)
        {
            if (!_file.CanWrite) return;
            WriteWaiting();
            if (_waitingLines > 0) _warn($"Lost {Lines(_waitingLines)} of {_path} that could not be written");
            _file.Dispose();
        }
    }

    private void WriteWaiting()
    {
        if (_waitingLines == 0) return;
        try
        {
            // Writes after the last complete line, because a failed write may have left part of a line at the end.
            RandomAccess.Write(_file.SafeFileHandle, _waiting.WrittenSpan, _length);
            _length += _waiting.WrittenCount;
            _waiting.ResetWrittenCount();
            _waitingLines = 0;
            if (_failing) _warn($"Writing {_path} works again; {(_lostLines == 0 ? "no lines were" : $"{Lines(_lostLines)} {(_lostLines == 1 ? "was" : "were")}")} lost");
            _failing = false;
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            WarnOnce(error);
        }
    }

    private void WarnOnce(Exception error)
    {
        if (_failing) return;
        _failing = true;
        _warn(StorageErrors.Explain(error, $"Cannot write {_path}; its lines wait in memory").Message);
    }

    private static string Lines(long count) => count == 1 ? "1 line" : $"{count} lines";
}
