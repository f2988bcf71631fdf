using System.Globalization;
using System.IO.Hashing;
using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;

namespace Spikeformer.Data.Recordings;

/// <summary>
/// DVS128 Gesture: eleven gestures of 29 people in front of a DVS128 camera, 128x128 pixels. The folder may hold any of SpikingJelly's forms, tried in
/// this order: <c>extract/DvsGesture/*.aedat</c> with labels, <c>events_np/train|test/0..10/*.npz</c>,
/// <c>frames_number_T_split_by_WAY/train|test/0..10/*.npz</c>. The archive in <c>download</c> cannot be read in place; <c>data prepare</c> unpacks it.
/// </summary>
/// <remarks>Every row of a trial's labels is one sample: the events with start &lt;= t &lt; end. The lists <c>trials_to_train.txt</c> and
/// <c>trials_to_test.txt</c> assign trials to the splits. Without them, users 1 to 23 are for training and 24 to 29 for testing. The label is
/// the index of the class number sorted as text, as in the authors' code: 0, 1, 10, 2, .. 9. Source: Amir et al., "A low power, fully
/// event-based gesture recognition system" (CVPR 2017).</remarks>
public static class DvsGesture
{
    /// <summary>The kind of the data set by its recipe name.</summary>
    public const string Name = "dvs-gesture";

    /// <summary>Number of classes.</summary>
    public const int Classes = 11;

    /// <summary>Number of samples in the complete data set, as SpikingJelly cuts it.</summary>
    public const int TrainSamples = 1176, TestSamples = 288;

    /// <summary>Name of the published archive.</summary>
    public const string Archive = "DvsGesture.tar.gz";

    private const int LastTrainingUser = 23;
    private const string Layout = "DVS128 Gesture is a folder with extract/DvsGesture (userNN_LIGHT.aedat and userNN_LIGHT_labels.csv), "
        + "events_np/train|test/0..10/*.npz or frames_number_T_split_by_number/train|test/0..10/*.npz";

    /// <summary>Class folders in the order of their labels.</summary>
    private static readonly string[] Folders =
        [.. Enumerable.Range(0, Classes).Select(number => number.ToString(CultureInfo.InvariantCulture)).Order(StringComparer.Ordinal)];

    /// <summary>Class names. The index of a name is its label.</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
    [
        "hand-clap", "right-hand-wave", "other", "left-hand-wave", "right-arm-clockwise", "right-arm-counter-clockwise", "left-arm-clockwise",
        "left-arm-counter-clockwise", "arm-roll", "air-drums", "air-guitar",
    ];

    /// <summary>Opens the data set.</summary>
    /// <param name="folder">The folder of the data set, or one of its subfolders above.</param>
    /// <param name="options">How to turn recordings into frames.</param>
    /// <param name="warn">Receives warnings: overlapping windows, a recording that ends early, missing trials. May be null.</param>
    /// <exception cref="SpikeformerException">The folder does not exist, its layout is wrong, or a file is damaged or cannot be read. The
    /// message names the folder or file.</exception>
    public static IFrameDataset Open(string folder, FrameOptions options, Action<string>? warn = null)
    {
        DvsFolder tree = DvsFolder.Of(folder, Layout, options);
        bool IsClips(string path) => Directory.Exists(Path.Combine(path, "train")) && Directory.Exists(Path.Combine(path, "test"));
        bool IsTrials(string path) => Directory.EnumerateFiles(path, "*_labels.csv").Any();
        string? raw = tree.FindPart(Path.Combine("extract", "DvsGesture"), IsTrials, null) ?? tree.FindPart("DvsGesture", IsTrials, null);
        if (raw is { } trials)
            return new FileRecordingDataset(Name, ClassNames, options, Cut(trials, options, warn), GestureTrial.Read);
        if (tree.FindPart("events_np", IsClips, ".npz") is { } events)
            return new FileRecordingDataset(Name, ClassNames, options, Clips(events, "events", options, warn), static (bytes, file, stream) =>
                DvsFolder.RequireEvents(NpzReader.ReadEvents(bytes, file.Name, Aedat31Reader.Sensor, stream), file, stream));
        if (tree.FindFrames(IsClips) is { } frames)
            return new FrameFileDataset(Name, ClassNames, options, Clips(frames, "frames", options, warn));
        foreach (string archive in new[] { Path.Combine(folder, "download", Archive), Path.Combine(folder, Archive) })
            if (File.Exists(archive))
                throw new SpikeformerException(ErrorKind.Usage, $"{archive} is an archive that cannot be read in place",
                    $"Run 'spikeformer data prepare {Name} --source {folder} --out DIR' and give DIR with --data");
        throw tree.NotFound();
    }

    /// <summary>Lists clips that SpikingJelly has cut.</summary>
    private static RecordingFiles Clips(string root, string form, FrameOptions options, Action<string>? warn)
    {
        var layout = new ClassFolders("DVS128 Gesture", Folders, ".npz", Layout);
        using var files = new RecordingFiles.Builder($"{Name}/1 {form} {options.Key}");
        foreach ((Split split, string part) in new[] { (Split.Train, "train"), (Split.Test, "test") })
            foreach (ClassFile file in layout.List(Path.Combine(root, part)))
                files.Add(split, file.Path, null, file.Label, $"{part}/{file.Name}");
        return WarnIfIncomplete(files.Build(), warn);
    }

    /// <summary>Cuts trials into clips.</summary>
    private static RecordingFiles Cut(string root, FrameOptions options, Action<string>? warn)
    {
        using var files = new RecordingFiles.Builder($"{Name}/1 trials {options.Key}");
        (string[] train, string[] test) = Trials(root, warn);
        if (train.Length == 0 || test.Length == 0)
            throw new SpikeformerException(ErrorKind.Usage, $"{root} holds {train.Length} training and {test.Length} test trials; each split needs at least one", Layout);
        byte[] buffer = [];
        foreach ((Split split, string[] trials) in new[] { (Split.Train, train), (Split.Test, test) })
        {
            var clips = new List<(string Class, string Name, RecordingFile File)>();
            foreach (string trial in trials)
            {
                files.Hash($"{split} {trial}\n");
                clips.AddRange(Cut(root, trial, files, ref buffer, warn));
            }
            // The order of the clips as files in class folders, so that every form gives the same samples.
            foreach (var clip in clips.OrderBy(clip => clip.Class, StringComparer.Ordinal).ThenBy(clip => clip.Name, StringComparer.Ordinal))
                files.Add(split, clip.File);
        }
        return WarnIfIncomplete(files.Build(), warn);
    }

    private static List<(string Class, string Name, RecordingFile File)> Cut(
        string root, string trial, RecordingFiles.Builder files, ref byte[] buffer, Action<string>? warn)
    {
        string path = Path.Combine(root, trial), name = Path.GetFileNameWithoutExtension(trial);
        string labels = Path.Combine(root, $"{name}_labels.csv");
        List<GestureWindow> windows = GestureTrial.ReadLabels(labels);
        if (windows.Zip(windows.Skip(1)).Any(pair => pair.Second.From < pair.First.To))
            warn?.Invoke($"{labels}: windows overlap; both samples contain the shared events.");
        ((long Start, long End)[] parts, RecordingNotes notes) = GestureTrial.Scan(path, windows);
        if (notes.MissingBytes > 0) warn?.Invoke($"{path}: {notes.MissingBytes} bytes are missing from the last packet; its complete events are kept.");
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

    /// <summary>Returns the trials of each split.</summary>
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
            throw new SpikeformerException(ErrorKind.NotFound, $"{root} lists the trial {missing} but does not contain it",
                "Copy the trial and its labels, or remove it from the list");
        if (train.Concat(test).GroupBy(trial => trial).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"trial {twice.Key} is listed twice in {root}", "Copy the lists again");
        string[] unlisted = [.. there.Except(train).Except(test)];
        if (unlisted.Length > 0) warn?.Invoke($"{root}: skipped {string.Join(", ", unlisted)} because no list names {(unlisted.Length == 1 ? "it" : "them")}.");
        return (train, test);
    }

    private static int UserOf(string name, string root) => name.StartsWith("user", StringComparison.Ordinal)
        && name.IndexOf('_') is > 4 and var end && int.TryParse(name.AsSpan(4, end - 4), NumberStyles.None, CultureInfo.InvariantCulture, out int user)
        ? user
        : throw new SpikeformerException(ErrorKind.Usage, $"{Path.Combine(root, name)} is not named userNN_LIGHT.aedat, and no list assigns it to a split", Layout);

    private static void Hash(string path, RecordingFiles.Builder files)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            files.Hash($"{Path.GetFileName(path)} bytes={stream.Length}\n");
            files.Hash(stream);
        }
        catch (Exception e) when (StorageErrors.IsStorage(e))
        {
            throw StorageErrors.CannotRead(path, e);
        }
    }

    private static RecordingFiles WarnIfIncomplete(RecordingFiles files, Action<string>? warn)
    {
        DvsFolder.WarnIfIncomplete("DVS128 Gesture", (files[Split.Train].Length, files[Split.Test].Length), (TrainSamples, TestSamples), warn);
        return files;
    }
}
