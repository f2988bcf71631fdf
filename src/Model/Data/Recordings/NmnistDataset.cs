using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;

namespace Spikeformer.Data.Recordings;

/// <summary>The N-MNIST recordings of a folder <c>Train|Test/DIGIT/*.bin</c>: 34x34 pixels, ten digits. Samples are sorted by digit, then by file name
/// (by code point), so their numbers are the same on every machine.</summary>
/// <remarks>Opening the data set reads every file once for the content hash. Reading a file that has changed since then is an error.</remarks>
/// <param name="folder">The folder that holds <c>Train</c> and <c>Test</c>.</param>
/// <param name="options">How to turn recordings into frames of at least 34x34 pixels.</param>
/// <exception cref="SpikeformerException">A folder is missing, empty, unknown or unreadable, or a file cannot be a recording. The message
/// names the folder or file.</exception>
public sealed class NmnistDataset(string folder, FrameOptions options) : FileRecordingDataset(KindName, Digits, options, List(folder, options),
    static (bytes, file, events) => NmnistReader.Read(bytes, file.Path, events))
{
    private const string KindName = "nmnist";
    private static readonly string[] Digits = [.. Enumerable.Range(0, 10).Select(digit => $"{digit}")];
    private static readonly ClassFolders Layout = new("N-MNIST", Digits, ".bin",
        "N-MNIST is laid out as Train/DIGIT/*.bin and Test/DIGIT/*.bin, with all digits 0 to 9 in both");

    private static RecordingFiles List(string folder, FrameOptions options)
    {
        if (!Directory.Exists(folder))
            throw new SpikeformerException(ErrorKind.NotFound, $"data folder {folder} does not exist",
                "Give the folder that holds Train and Test");
        using var files = new RecordingFiles.Builder($"{KindName}/1 {options.Key}");
        foreach ((Split split, string part) in new[] { (Split.Train, "Train"), (Split.Test, "Test") })
        {
            if (!Directory.Exists(Path.Combine(folder, part))) throw Layout.LayoutError($"{folder} has no folder {part}");
            foreach (ClassFile file in Layout.List(Path.Combine(folder, part)))
                files.Add(split, file.Path, null, file.Label, $"{part}/{file.Name}", NmnistReader.CheckLength);
        }
        return files.Build();
    }
}
