using System.Collections.Concurrent;
using System.IO.Hashing;
using System.Security.Cryptography;
using System.Text;

namespace Spikeformer.Data;

/// <summary>
/// The N-MNIST recordings of a folder <c>Train|Test/DIGIT/*.bin</c>: 34x34 pixels, ten digits. Samples are in order of digit, then of
/// file name (by code point), so their numbers are the same on every machine.
/// </summary>
/// <remarks>Opening reads every file once, for the content hash. A file that changes afterwards is refused when it is read.</remarks>
public sealed class NmnistDataset : RecordingDataset
{
    private const int Digits = 10;

    private readonly Recording[] _train, _test;
    private readonly ConcurrentBag<byte[]> _idle = [];

    private readonly record struct Recording(string Path, int Label, UInt128 Hash);

    /// <summary>Opens the data set.</summary>
    /// <param name="folder">The folder that holds <c>Train</c> and <c>Test</c>.</param>
    /// <param name="options">How recordings become frames; at least 34x34.</param>
    /// <exception cref="SpikeformerException">A folder is missing, empty, unknown or cannot be read, or a file cannot be a recording; names
    /// the folder or file.</exception>
    public NmnistDataset(string folder, FrameOptions options) : base(options)
    {
        if (!Directory.Exists(folder))
            throw new SpikeformerException(ErrorKind.NotFound, $"data folder {folder} does not exist",
                "Give the folder that holds Train and Test");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{Name}/1 {options.Key}\n"));
        _train = Open(folder, "Train", hash);
        _test = Open(folder, "Test", hash);
        ContentHash = Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <inheritdoc/>
    public override string Name => "nmnist";

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } = [.. Enumerable.Range(0, Digits).Select(digit => $"{digit}")];

    /// <inheritdoc/>
    public override string ContentHash { get; }

    /// <inheritdoc/>
    public override int Count(Split split) => Recordings(split).Length;

    /// <inheritdoc/>
    public override int Label(Split split, int index) => Recordings(split)[index].Label;

    /// <inheritdoc/>
    public override RecordingNotes ReadRecording(Split split, int index, EventStream events)
    {
        var recording = Recordings(split)[index];
        if (!_idle.TryTake(out byte[]? buffer)) buffer = new byte[64 << 10];
        try
        {
            var bytes = ReadFile(recording.Path, ref buffer);
            if (XxHash128.HashToUInt128(bytes) != recording.Hash)
                throw new SpikeformerException(ErrorKind.CheckFailed,
                    $"{recording.Path}: the file has changed since the data set was opened",
                    "Leave the data alone while it is in use, and start again");
            return NmnistReader.Read(bytes, recording.Path, events);
        }
        finally
        {
            _idle.Add(buffer);
        }
    }

    private Recording[] Recordings(Split split) => split == Split.Train ? _train : _test;

    private Recording[] Open(string folder, string part, IncrementalHash hash)
    {
        string partFolder = Path.Combine(folder, part);
        if (!Directory.Exists(partFolder))
            throw Layout($"{folder} has no folder {part}");
        var digits = List(partFolder, Directory.EnumerateDirectories);
        if (digits.FirstOrDefault(name => !ClassNames.Contains(name)) is { } unknown)
            throw Layout($"{Path.Combine(partFolder, unknown)} is no class of N-MNIST (0 to 9)");
        if (ClassNames.FirstOrDefault(name => !digits.Contains(name)) is { } missing)
            throw Layout($"{partFolder} has no folder for class {missing}");

        var recordings = new List<Recording>();
        byte[] buffer = new byte[64 << 10];
        foreach (string digit in digits)
        {
            string digitFolder = Path.Combine(partFolder, digit);
            var names = List(digitFolder, Directory.EnumerateFiles).Where(name => name.EndsWith(".bin", StringComparison.Ordinal)).ToList();
            if (names.Count == 0) throw Layout($"{digitFolder} holds no .bin recording");
            foreach (string name in names)
            {
                string path = Path.Combine(digitFolder, name);
                var bytes = ReadFile(path, ref buffer);
                hash.AppendData(Encoding.UTF8.GetBytes($"{part}/{digit}/{name} label={digit} bytes={bytes.Length}\n"));
                hash.AppendData(bytes);
                recordings.Add(new(path, digit[0] - '0', XxHash128.HashToUInt128(bytes)));
            }
        }
        return [.. recordings];
    }

    /// <summary>Names in a folder in order of code points, without hidden ones.</summary>
    private static List<string> List(string folder, Func<string, IEnumerable<string>> enumerate)
    {
        try
        {
            var names = enumerate(folder).Select(path => Path.GetFileName(path)).Where(name => !name.StartsWith('.')).ToList();
            names.Sort(StringComparer.Ordinal);
            return names;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(folder, e);
        }
    }

    private static ReadOnlySpan<byte> ReadFile(string path, ref byte[] buffer)
    {
        try
        {
            using var file = File.OpenHandle(path);
            long length = RandomAccess.GetLength(file);
            NmnistReader.CheckLength(length, path);
            if (length > buffer.Length) buffer = new byte[length];
            int read = 0;
            while (read < length && RandomAccess.Read(file, buffer.AsSpan(read, (int)length - read), read) is > 0 and var more)
                read += more;
            NmnistReader.CheckLength(read, path);
            return buffer.AsSpan(0, read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    private static SpikeformerException Unreadable(string path, Exception cause) =>
        new(ErrorKind.NotFound, $"{path} cannot be read: {cause.Message.TrimEnd('.')}",
            "Check that it exists and that you may read it", cause);

    private static SpikeformerException Layout(string what) =>
        new(ErrorKind.Usage, what, "N-MNIST is laid out as Train/DIGIT/*.bin and Test/DIGIT/*.bin, with all digits 0 to 9 in both");
}
