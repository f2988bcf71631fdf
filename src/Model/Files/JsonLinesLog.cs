using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Spikeformer.Files;

/// <summary>
/// A file of JSON objects, one a line, that only grows: <c>steps.jsonl</c>, <c>events.jsonl</c>. A kill loses at most the last line, and
/// the next opening removes what is left of it. A full or broken disk never stops the caller: lines wait in memory, one warning is given,
/// and they are written when the disk takes them again. Thread-safe.
/// </summary>
public sealed class JsonLinesLog : IDisposable
{
    /// <summary>Bytes of lines that wait in memory for a disk that refuses them; further lines are lost.</summary>
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
    private bool _refused;

    private JsonLinesLog(string path, FileStream file, Action<string> warn)
    {
        (_path, _file, _warn) = (path, file, warn);
        _length = file.Length;
    }

    /// <summary>Lines that were lost because the disk refused them for too long.</summary>
    public long LostLines
    {
        get
        {
            lock (_writing) return _lostLines;
        }
    }

    /// <summary>Opens a log to append to it, making it when needed, and removes torn or non-JSON lines at its end.</summary>
    /// <param name="path">The file; its directory must exist.</param>
    /// <param name="warn">Gets a message when the disk begins to refuse lines and when it takes them again. Called while the log is
    /// locked: it must not write to this log.</param>
    /// <param name="throughStep">When a run resumes, its checkpoint's step: the first line whose <c>step</c> is greater is removed with
    /// all after it, since those steps are computed again. Null keeps all.</param>
    /// <exception cref="SpikeformerException">The file cannot be opened or read: at the start of a run that is an error.</exception>
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

    /// <summary>Appends one line. Never fails for the disk's sake.</summary>
    /// <param name="line">An object; names are in camel case, enums texts, non-finite numbers <c>"NaN"</c> and so on.</param>
    /// <typeparam name="T">Type of the line.</typeparam>
    /// <exception cref="ArgumentException"><paramref name="line"/> does not become a JSON object.</exception>
    public void Append<T>(T line)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(line, JsonOptions);
        if (bytes[0] != '{') throw new ArgumentException($"A {typeof(T).Name} is no JSON object.", nameof(line));
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

    /// <summary>Hands all lines to the system.</summary>
    public void Flush()
    {
        lock (_writing) WriteWaiting();
    }

    /// <summary>Makes all lines survive a power cut, as a checkpoint needs. Never fails for the disk's sake.</summary>
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
                Refused(error);
            }
        }
    }

    /// <summary>Writes what waits and closes the file.</summary>
    public void Dispose()
    {
        lock (_writing)
        {
            if (!_file.CanWrite) return;
            WriteWaiting();
            if (_waitingLines > 0) _warn($"{_waitingLines} lines of {_path} could not be written and are lost");
            _file.Dispose();
        }
    }

    private void WriteWaiting()
    {
        if (_waitingLines == 0) return;
        try
        {
            // At the end of what is whole: a write that was refused may have left part of a line behind it.
            RandomAccess.Write(_file.SafeFileHandle, _waiting.WrittenSpan, _length);
            _length += _waiting.WrittenCount;
            _waiting.ResetWrittenCount();
            _waitingLines = 0;
            if (_refused) _warn($"{_path} is written again, {(_lostLines == 0 ? "nothing is" : $"{_lostLines} lines are")} missing");
            _refused = false;
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            Refused(error);
        }
    }

    private void Refused(Exception error)
    {
        if (_refused) return;
        _refused = true;
        _warn(StorageErrors.Explain(error, $"Cannot write {_path}, its lines wait in memory").Message);
    }
}
