using System.Globalization;
using Spikeformer.Data.Events;
using Spikeformer.Recipes;

namespace Spikeformer.Data.Recordings;

/// <summary>A data set's folder in SpikingJelly's layout: <c>download</c>, <c>extract</c>, <c>events_np</c> and <c>frames_number_*</c>, of
/// which any may be missing, or one of these folders alone.</summary>
internal sealed class DvsFolder
{
    private readonly string _root, _layout;
    private readonly FrameOptions _options;

    private DvsFolder(string root, string layout, FrameOptions options) => (_root, _layout, _options) = (root, layout, options);

    /// <exception cref="SpikeformerException">There is no such folder, or it cannot be read.</exception>
    public static DvsFolder Of(string root, string layout, FrameOptions options)
    {
        if (!Directory.Exists(root)) throw new SpikeformerException(ErrorKind.NotFound, $"data folder {root} does not exist", layout);
        RecordingFiles.List(root, Directory.EnumerateFileSystemEntries);
        return new(root, layout, options);
    }

    /// <summary>The folder that holds a form of the data set: the part of this name, or the root itself.</summary>
    /// <param name="name">Name of the part.</param>
    /// <param name="holds">Whether a folder is one.</param>
    /// <param name="extension">How names of files in the root's class folders must end for it to be this form; null asks for none.</param>
    public string? Part(string name, Func<string, bool> holds, string? extension)
    {
        string part = Path.Combine(_root, name);
        if (Directory.Exists(part) && holds(part)) return part;
        return holds(_root) && (extension is null || HoldsFiles(extension)) && !IsFrames(_root) ? _root : null;
    }

    /// <summary>The folder of frames that were cut as the options say, or null.</summary>
    /// <param name="holds">Whether a folder is one.</param>
    /// <exception cref="SpikeformerException">There are only frames that were cut in another way.</exception>
    public string? Frames(Func<string, bool> holds)
    {
        string wanted = string.Create(CultureInfo.InvariantCulture,
            $"frames_number_{_options.TimeSteps}_split_by_{RecipeField.NameOf(_options.By)}");
        string[] all = IsFrames(_root) ? [_root] : [.. Directory.EnumerateDirectories(_root).Where(IsFrames).Where(holds)];
        if (all.FirstOrDefault(path => Path.GetFileName(Path.TrimEndingDirectorySeparator(path)) == wanted) is { } found) return found;
        if (all.Length == 0) return null;
        throw new SpikeformerException(ErrorKind.Usage,
            $"{_root} holds {string.Join(", ", all.Select(path => Path.GetFileName(Path.TrimEndingDirectorySeparator(path))).Order(StringComparer.Ordinal))}"
            + $" but the recipe wants {wanted}", "Set data.timeSteps and data.framesBy to what is there, or give the recordings");
    }

    /// <summary>The error when no form of the data set was found.</summary>
    public SpikeformerException Unknown() => new(ErrorKind.Usage, $"{_root} holds no data set of this kind", _layout);

    /// <summary>Says so when a data set is not whole: runs on it compare with nothing published.</summary>
    public static void Compare(string dataset, (int Train, int Test) found, (int Train, int Test) whole, Action<string>? warn)
    {
        if (found != whole)
            warn?.Invoke(string.Create(CultureInfo.InvariantCulture,
                $"{found.Train} training and {found.Test} test samples of {dataset} were found; the whole data set has {whole.Train} and {whole.Test}."));
    }

    /// <summary>Refuses a recording without events.</summary>
    public static RecordingNotes NotEmpty(RecordingNotes notes, RecordingFile file, EventStream events) => events.Count > 0
        ? notes
        : throw new SpikeformerException(ErrorKind.CheckFailed, $"{file.Name}: the recording has no events", "Copy the file again or remove it");

    private static bool IsFrames(string path) =>
        Path.GetFileName(Path.TrimEndingDirectorySeparator(path)).StartsWith("frames_", StringComparison.Ordinal);

    private bool HoldsFiles(string extension) => Directory.EnumerateFiles(_root, "*", new EnumerationOptions { RecurseSubdirectories = true })
        .Any(path => path.EndsWith(extension, StringComparison.Ordinal));
}
