using System.IO.Compression;
using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;

namespace Spikeformer.Data.Recordings;

/// <summary>
/// CIFAR10-DVS: photographs of ten classes moving in front of a DVS128 camera, 128x128 pixels. The folder may hold any of SpikingJelly's
/// forms, tried in this order: <c>extract/CLASS/*.aedat</c>, <c>download/CLASS.zip</c>, <c>events_np/CLASS/*.npz</c>,
/// <c>frames_number_T_split_by_WAY/CLASS/*.npz</c>.
/// </summary>
/// <remarks>Samples are sorted by class, then by file name as text (0, 1, 10, 100, ..). <see cref="PerClassSplit"/> splits them. Source: Li et
/// al., "CIFAR10-DVS: an event-stream dataset for object classification" (2017).</remarks>
public static class DvsCifar10
{
    /// <summary>The kind of the data set by its recipe name.</summary>
    public const string Name = "dvs-cifar10";

    /// <summary>Number of samples in the complete data set.</summary>
    public const int TrainSamples = 9000, TestSamples = 1000;

    private const string Layout = "CIFAR10-DVS is a folder with extract/CLASS/*.aedat, download/CLASS.zip, events_np/CLASS/*.npz or "
        + "frames_number_T_split_by_number/CLASS/*.npz, with all ten classes";

    /// <summary>Class names. The index of a name is its label.</summary>
    public static IReadOnlyList<string> ClassNames { get; } =
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>Opens the data set.</summary>
    /// <param name="folder">The folder of the data set, or one of its subfolders above.</param>
    /// <param name="options">How to turn recordings into frames.</param>
    /// <param name="warn">Receives a warning if the data set is incomplete. May be null.</param>
    /// <exception cref="SpikeformerException">The folder does not exist, its layout is wrong, or a file cannot be read. The message names the
    /// folder or file.</exception>
    public static IFrameDataset Open(string folder, FrameOptions options, Action<string>? warn = null)
    {
        DvsFolder tree = DvsFolder.Of(folder, Layout, options);
        bool IsClass(string path) => ClassNames.Any(name => Directory.Exists(Path.Combine(path, name)));
        if (tree.FindPart("extract", IsClass, ".aedat") is { } extract)
            return Recordings(Listed(extract, ".aedat"), "aedat", static (bytes, file, convention, events) =>
                Aedat20Reader.Read(bytes, file.Name, convention, events));
        if (tree.FindPart("download", path => ClassNames.Any(name => File.Exists(Path.Combine(path, $"{name}.zip"))), null) is { } download)
            return Recordings(Zipped(download), "aedat", static (bytes, file, convention, events) =>
                Aedat20Reader.Read(bytes, file.Name, convention, events));
        if (options.Addresses != AddressConvention.SpikingJelly)
            throw new SpikeformerException(ErrorKind.Usage,
                $"recipe field data.addresses: {folder} holds only SpikingJelly's converted files, which always use its own convention",
                "Give the folder with extract or download, or remove data.addresses");
        if (tree.FindPart("events_np", IsClass, ".npz") is { } events)
            return Recordings(Listed(events, ".npz"), "events", static (bytes, file, _, stream) =>
                NpzReader.ReadEvents(bytes, file.Name, Aedat20Reader.Sensor, stream));
        if (tree.FindFrames(IsClass) is { } frames)
            return new FrameFileDataset(Name, ClassNames, options, Files(Listed(frames, ".npz"), "frames", options, warn));
        throw tree.NotFound();

        IFrameDataset Recordings(List<Member> members, string form,
            Func<ArraySegment<byte>, RecordingFile, AddressConvention, EventStream, RecordingNotes> decode)
        {
            AddressConvention convention = options.Addresses;
            return new FileRecordingDataset(Name, ClassNames, options, Files(members, form, options, warn),
                (bytes, file, stream) => DvsFolder.RequireEvents(decode(bytes, file, convention, stream), file, stream));
        }
    }

    /// <summary>A sample: a file or an archive member.</summary>
    private readonly record struct Member(string Path, string? Inner, int Label, string Name);

    private static List<Member> Listed(string root, string extension) =>
        [.. new ClassFolders("CIFAR10-DVS", ClassNames, extension, Layout).List(root).Select(file => new Member(file.Path, null, file.Label, file.Name))];

    private static List<Member> Zipped(string root)
    {
        var members = new List<Member>();
        for (int label = 0; label < ClassNames.Count; label++)
        {
            string path = Path.Combine(root, $"{ClassNames[label]}.zip");
            if (!File.Exists(path)) throw new SpikeformerException(ErrorKind.Usage, $"{root} has no archive {ClassNames[label]}.zip", Layout);
            try
            {
                using ZipArchive zip = ZipFile.OpenRead(path);
                string[] names = [.. zip.Entries.Select(entry => entry.FullName).Where(name => name.EndsWith(".aedat", StringComparison.Ordinal))];
                if (names.Length == 0) throw new SpikeformerException(ErrorKind.Usage, $"{path} holds no .aedat recordings", Layout);
                // The name of the unpacked file, so that both forms give the same samples.
                members.AddRange(names.OrderBy(Path.GetFileName, StringComparer.Ordinal)
                    .Select(name => new Member(path, name, label, $"{ClassNames[label]}/{Path.GetFileName(name)}")));
            }
            catch (Exception e) when (StorageErrors.IsStorage(e) || e is InvalidDataException)
            {
                throw StorageErrors.CannotRead(path, e);
            }
        }
        return members;
    }

    private static RecordingFiles Files(List<Member> members, string form, FrameOptions options, Action<string>? warn)
    {
        (int[] train, int[] test) = PerClassSplit.Of([.. members.Select(member => member.Label)], ClassNames.Count);
        if (test.Length == 0)
            throw new SpikeformerException(ErrorKind.Usage, $"{members.Count} recordings of CIFAR10-DVS leave none for testing, because the first "
                + "nine tenths of each class are for training", "Give at least ten recordings of a class");
        DvsFolder.WarnIfIncomplete("CIFAR10-DVS", (train.Length, test.Length), (TrainSamples, TestSamples), warn);
        using var files = new RecordingFiles.Builder($"{Name}/1 {form} {options.Key}");
        foreach ((Split split, int[] samples) in new[] { (Split.Train, train), (Split.Test, test) })
            foreach (int sample in samples)
                files.Add(split, members[sample].Path, members[sample].Inner, members[sample].Label, $"{split} {members[sample].Name}");
        return files.Build();
    }
}
