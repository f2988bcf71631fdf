using System.Globalization;
using Spikeformer.Data.Events;

namespace Spikeformer.Data.Recordings;

/// <summary>The folder of a data set in SpikingJelly's layout: any of <c>download</c>, <c>extract</c>, <c>events_np</c> and
/// <c>frames_number_*</c>, or one of these folders itself.</summary>
internal sealed class DvsFolder
{
    private readonly string _root, _layout;
    private readonly FrameOptions _options;

    private DvsFolder(string root, string layout, FrameOptions options) => (_root, _layout, _options) = (root, layout, options);

    /// <exception cref="SpikeformerException">The folder does not exist or cannot be read.</exception>
    public static DvsFolder Of(string root, string layout, FrameOptions options)
    {
        if (!Directory.Exists(root)) throw new SpikeformerException(ErrorKind.NotFound, $"data folder {root} does not exist", layout);
        RecordingFiles.List(root, Directory.EnumerateFileSystemEntries);
        return new(root, layout, options);
    }

    /// <summary>Finds the folder of one form of the data set: the subfolder of this name, or the root itself. Null if there is none.</summary>
    /// <param name="name">Name of the subfolder.</param>
    /// <param name="holds">Whether a folder holds this form.</param>
    /// <param name="extension">File name extension that the root must contain to count as this form; null accepts any.</param>
    public string? FindPart(string name, Func<string, bool> holds, string? extension)
    {
        string part = Path.Combine(_root, name);
        if (Directory.Exists(part) && holds(part)) return part;
        return holds(_root) && (extension is null || HoldsFiles(extension)) && !IsFrames(_root) ? _root : null;
    }

    /// <summary>Finds the folder of frames that were cut as the options require. Null if there are no frames.</summary>
    /// <param name="holds">Whether a folder holds frames.</param>
    /// <exception cref="SpikeformerException">All frames were cut in another way.</exception>
    public string? FindFrames(Func<string, bool> holds)
    {
        string wanted = string.Create(CultureInfo.InvariantCulture,
            $"frames_number_{_options.TimeSteps}_split_by_{RecipeField.NameOf(_options.By)}");
        string[] all = IsFrames(_root) ? [_root] : [.. Directory.EnumerateDirectories(_root).Where(IsFrames).Where(holds)];
        if (all.FirstOrDefault(path => Path.GetFileName(Path.TrimEndingDirectorySeparator(path)) == wanted) is { } found) return found;
        if (all.Length == 0) return null;
        throw new SpikeformerException(ErrorKind.Usage,
            $"{_root} holds {string.Join(", ", all.Select(path => Path.GetFileName(Path.TrimEndingDirectorySeparator(path))).Order(StringComparer.Ordinal))}"
            + $" but the recipe needs {wanted}", "Set data.timeSteps and data.framesBy to match a folder, or give the recordings");
    }

    /// <summary>Creates the error for a folder without any form of the data set.</summary>
    public SpikeformerException NotFound() => new(ErrorKind.Usage, $"{_root} holds no data set of this kind", _layout);

    /// <summary>Warns when a data set is incomplete, because results on it are not comparable with published ones.</summary>
    public static void WarnIfIncomplete(string dataset, (int Train, int Test) found, (int Train, int Test) whole, Action<string>? warn)
    {
        if (found != whole)
            warn?.Invoke(string.Create(CultureInfo.InvariantCulture,
                $"Found {found.Train} training and {found.Test} test samples of {dataset}; the complete data set has {whole.Train} and {whole.Test}."));
    }

    /// <summary>Throws for a recording without events.</summary>
    public static RecordingNotes RequireEvents(RecordingNotes notes, RecordingFile file, EventStream events) => events.Count > 0
        ? notes
        : throw new SpikeformerException(ErrorKind.CheckFailed, $"{file.Name}: the recording has no events", "Copy the file again or remove it");

    private static bool IsFrames(string path) =>
        Path.GetFileName(Path.TrimEndingDirectorySeparator(path)).StartsWith("frames_", StringComparison.Ordinal);

    private bool HoldsFiles(string extension) => Directory.EnumerateFiles(_root, "*", new EnumerationOptions { RecurseSubdirectories = true })
        .Any(path => path.EndsWith(extension, StringComparison.Ordinal));
}
