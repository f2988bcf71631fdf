using System.Globalization;
using System.IO.Hashing;
using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;

namespace Spikeformer.Data.Recordings;

/// <summary>
/// DVS128 Gesture: eleven gestures of 29 people before a DVS128 camera, 128x128 pixels. A folder may hold it in any of the forms in which
/// SpikingJelly keeps it: <c>extract/DvsGesture/*.aedat</c> with labels, <c>events_np/train|test/0..10/*.npz</c> or
/// <c>frames_number_T_split_by_WAY/train|test/0..10/*.npz</c>, and is looked through in this order. The archive in <c>download</c> cannot be
/// read in place: <c>data prepare</c> unpacks it.
/// </summary>
/// <remarks>Every row of a trial's labels is one sample: the events with start &lt;= t &lt; end. Trials train or test as
/// <c>trials_to_train.txt</c> and <c>trials_to_test.txt</c> say; without them the users 1 to 23 train and 24 to 29 test. Labels are ranks of
/// the class number sorted as text, as in the authors' code: 0, 1, 10, 2, .. 9. Source: Amir et al., "A low power, fully event-based gesture
/// recognition system" (CVPR 2017).</remarks>
public static class DvsGesture
{
    /// <summary>The data set's kind as recipes name it.</summary>
    public const string Name = "dvs-gesture";

    /// <summary>Number of classes.</summary>
    public const int Classes = 11;

    /// <summary>Samples of the whole data set, as SpikingJelly cuts them.</summary>
    public const int TrainSamples = 1176, TestSamples = 288;

    /// <summary>The archive that people download.</summary>
    public const string Archive = "DvsGesture.tar.gz";

    private const int LastTrainingUser = 23;
    private const string Layout = "DVS128 Gesture is a folder with extract/DvsGesture (userNN_LIGHT.aedat and userNN_LIGHT_labels.csv), "
        + "events_np/train|test/0..10/*.npz or frames_number_T_split_by_number/train|test/0..10/*.npz";

    /// <summary>Class folders in the order of their labels.</summary>
    private static readonly string[] Folders =
        [.. Enumerable.Range(0, Classes).Select(number => number.ToString(CultureInfo.InvariantCulture)).Order(StringComparer.Ordinal)];

    /// <summary>Class names; the index is the label.</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
    [
        "hand-clap", "right-hand-wave", "other", "left-hand-wave", "right-arm-clockwise", "right-arm-counter-clockwise", "left-arm-clockwise",
        "left-arm-counter-clockwise", "arm-roll", "air-drums", "air-guitar",
    ];

    /// <summary>Opens the data set.</summary>
    /// <param name="folder">The folder, or one of its parts.</param>
    /// <param name="options">How recordings become frames.</param>
    /// <param name="warn">Receives a sentence when something is odd: windows that overlap, a cut-off recording, missing trials; null drops
    /// it.</param>
    /// <exception cref="SpikeformerException">The folder is missing or its layout wrong, a file cannot be read or is damaged; names it.</exception>
    public static IFrameDataset Open(string folder, FrameOptions options, Action<string>? warn = null)
    {
        DvsFolder tree = DvsFolder.Of(folder, Layout, options);
        bool IsClips(string path) => Directory.Exists(Path.Combine(path, "train")) && Directory.Exists(Path.Combine(path, "test"));
        bool IsTrials(string path) => Directory.EnumerateFiles(path, "*_labels.csv").Any();
        string? raw = tree.Part(Path.Combine("extract", "DvsGesture"), IsTrials, null) ?? tree.Part("DvsGesture", IsTrials, null);
        if (raw is { } trials)
            return new FileRecordingDataset(Name, ClassNames, options, Cut(trials, options, warn), GestureTrial.Read);
        if (tree.Part("events_np", IsClips, ".npz") is { } events)
            return new FileRecordingDataset(Name, ClassNames, options, Clips(events, "events", options, warn), static (bytes, file, stream) =>
                DvsFolder.NotEmpty(NpzReader.ReadEvents(bytes, file.Name, Aedat31Reader.Sensor, stream), file, stream));
        if (tree.Frames(IsClips) is { } frames)
            return new FrameFileDataset(Name, ClassNames, options, Clips(frames, "frames", options, warn));
        foreach (string archive in new[] { Path.Combine(folder, "download", Archive), Path.Combine(folder, Archive) })
            if (File.Exists(archive))
                throw new SpikeformerException(ErrorKind.Usage, $"{archive} is an archive that cannot be read in place",
                    $"Run 'spikeformer data prepare {Name} --source {folder} --out DIR' and give DIR with --data");
        throw tree.Unknown();
    }

    /// <summary>Clips that SpikingJelly has cut.</summary>
    private static RecordingFiles Clips(string root, string form, FrameOptions options, Action<string>? warn)
    {
        var layout = new ClassFolders("DVS128 Gesture", Folders, ".npz", Layout);
        using var files = new RecordingFiles.Builder($"{Name}/1 {form} {options.Key}");
        foreach ((Split split, string part) in new[] { (Split.Train, "train"), (Split.Test, "test") })
            foreach (ClassFile file in layout.List(Path.Combine(root, part)))
                files.Add(split, file.Path, null, file.Label, $"{part}/{file.Name}");
        return Compared(files.Build(), warn);
    }

    /// <summary>Cuts trials into clips.</summary>
    private static RecordingFiles Cut(string root, FrameOptions options, Action<string>? warn)
    {
        using var files = new RecordingFiles.Builder($"{Name}/1 trials {options.Key}");
        (string[] train, string[] test) = Trials(root, warn);
        if (train.Length == 0 || test.Length == 0)
            throw new SpikeformerException(ErrorKind.Usage, $"{root} holds {train.Length} training and {test.Length} test trials: neither may be none", Layout);
        byte[] buffer = [];
        foreach ((Split split, string[] trials) in new[] { (Split.Train, train), (Split.Test, test) })
        {
            var clips = new List<(string Class, string Name, RecordingFile File)>();
            foreach (string trial in trials)
            {
                files.Hash($"{split} {trial}\n");
                clips.AddRange(Cut(root, trial, files, ref buffer, warn));
            }
            // The order in which they would stand as files in class folders, so that every form gives the same samples.
            foreach (var clip in clips.OrderBy(clip => clip.Class, StringComparer.Ordinal).ThenBy(clip => clip.Name, StringComparer.Ordinal))
                files.Add(split, clip.File);
        }
        return Compared(files.Build(), warn);
    }

    private static List<(string Class, string Name, RecordingFile File)> Cut(
        string root, string trial, RecordingFiles.Builder files, ref byte[] buffer, Action<string>? warn)
    {
        string path = Path.Combine(root, trial), name = Path.GetFileNameWithoutExtension(trial);
        string labels = Path.Combine(root, $"{name}_labels.csv");
        List<GestureWindow> windows = GestureTrial.ReadLabels(labels);
        if (windows.Zip(windows.Skip(1)).Any(pair => pair.Second.From < pair.First.To))
            warn?.Invoke($"{labels}: windows overlap; the events in both belong to both samples.");
        ((long Start, long End)[] parts, RecordingNotes notes) = GestureTrial.Scan(path, windows);
        if (notes.MissingBytes > 0) warn?.Invoke($"{path}: the last packet is cut short by {notes.MissingBytes} bytes; its whole events are kept.");
        Hash(path, files);
        Hash(labels, files);

        var clips = new List<(string, string, RecordingFile)>();
        var ofClass = new int[Classes + 1];
        for (int w = 0; w < windows.Count; w++)
        {
            (long start, long end) = parts[w];
            if (end == 0)
                throw new SpikeformerException(ErrorKind.CheckFailed,
                    $"{labels}: the window from {windows[w].From} to {windows[w].To} has no events in {path}", "Copy both files again or remove the trial");
            if (end - start > RecordingFiles.MaxBytes)
                throw new SpikeformerException(ErrorKind.CheckFailed, $"{labels}: the window from {windows[w].From} to {windows[w].To} has "
                    + $"{end - start:N0} bytes in {path} (limit {RecordingFiles.MaxBytes:N0})", "Check the labels");
            string folder = (windows[w].Class - 1).ToString(CultureInfo.InvariantCulture);
            var file = new RecordingFile(path, Array.IndexOf(Folders, folder), default)
            {
                Offset = start, Length = (int)(end - start), From = windows[w].From, To = windows[w].To,
            };
            var bytes = RecordingFiles.Load(file, ref buffer);
            clips.Add((folder, $"{name}_{ofClass[windows[w].Class]++}.npz", file with { Hash = XxHash128.HashToUInt128(bytes) }));
        }
        return clips;
    }

    /// <summary>The trials of each split.</summary>
    private static (string[] Train, string[] Test) Trials(string root, Action<string>? warn)
    {
        List<string> there = RecordingFiles.List(root, Directory.EnumerateFiles).FindAll(name => name.EndsWith(".aedat", StringComparison.Ordinal));
        string trainList = Path.Combine(root, "trials_to_train.txt"), testList = Path.Combine(root, "trials_to_test.txt");
        if (File.Exists(trainList) != File.Exists(testList))
            throw new SpikeformerException(ErrorKind.Usage, $"{root} has only one of trials_to_train.txt and trials_to_test.txt", "Copy the other one too");
        if (!File.Exists(trainList))
        {
            ILookup<bool, string> byUser = there.ToLookup(name => UserOf(name, root) <= LastTrainingUser);
            return ([.. byUser[true]], [.. byUser[false]]);
        }
        string[] train = GestureTrial.ReadList(trainList), test = GestureTrial.ReadList(testList);
        if (train.Concat(test).FirstOrDefault(trial => !there.Contains(trial)) is { } missing)
            throw new SpikeformerException(ErrorKind.NotFound, $"trial {missing} of the lists in {root} is not there",
                "Copy it and its labels, or take it from the list");
        if (train.Concat(test).GroupBy(trial => trial).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"trial {twice.Key} is listed twice in {root}", "Copy the lists again");
        string[] unlisted = [.. there.Except(train).Except(test)];
        if (unlisted.Length > 0) warn?.Invoke($"{root}: {string.Join(", ", unlisted)} stand in no list and are left out.");
        return (train, test);
    }

    private static int UserOf(string name, string root) => name.StartsWith("user", StringComparison.Ordinal)
        && name.IndexOf('_') is > 4 and var end && int.TryParse(name.AsSpan(4, end - 4), NumberStyles.None, CultureInfo.InvariantCulture, out int user)
        ? user
        : throw new SpikeformerException(ErrorKind.Usage, $"{Path.Combine(root, name)} is not named userNN_LIGHT.aedat, and no list says what it is for", Layout);

    private static void Hash(string path, RecordingFiles.Builder files)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            files.Hash($"{Path.GetFileName(path)} bytes={stream.Length}\n");
            files.Hash(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RecordingFiles.Unreadable(path, e);
        }
    }

    private static RecordingFiles Compared(RecordingFiles files, Action<string>? warn)
    {
        DvsFolder.Compare("DVS128 Gesture", (files[Split.Train].Length, files[Split.Test].Length), (TrainSamples, TestSamples), warn);
        return files;
    }
}
