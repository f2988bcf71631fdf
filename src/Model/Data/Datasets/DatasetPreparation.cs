using System.Formats.Tar;
using System.IO.Compression;
using Spikeformer.Data.Frames;
using Spikeformer.Data.Recordings;

namespace Spikeformer.Data.Datasets;

/// <summary>Options for preparing a data set.</summary>
public sealed record PreparationOptions
{
    /// <summary>Number of samples to decode in parallel. Each needs the memory of two samples and one recording. Default: all cores.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Whether to compare archives with their published sums. False accepts repacked archives.</summary>
    public bool CheckSums { get; init; } = true;

    /// <summary>Receives a message at each stage, and warnings. May be null.</summary>
    public Action<string>? Say { get; init; }

    /// <summary>Receives the number of completed samples and of all samples. May be null.</summary>
    public Action<int, int>? Progress { get; init; }
}

/// <summary>The result of <see cref="DatasetPreparation"/>.</summary>
/// <param name="Store">Path of the frame store.</param>
/// <param name="ContentHash">Content hash of the data set, which runs record.</param>
/// <param name="TrainSamples">Number of training samples.</param>
/// <param name="TestSamples">Number of test samples.</param>
public sealed record PreparedData(string Store, string ContentHash, int TrainSamples, int TestSamples);

/// <summary>Converts a downloaded data set into one checksummed file of frames (<see cref="FrameStore"/>), which workers map read-only. An interrupted
/// preparation continues where it stopped.</summary>
/// <remarks>Archives are first compared with their published sums. Archives that cannot be read in place are unpacked into the output folder;
/// the unpacked files are removed when the frames are complete.</remarks>
public static class DatasetPreparation
{
    /// <summary>Returns the published files of a kind of data; empty if the kind has no published files.</summary>
    public static IReadOnlyList<PublishedFile> FilesOf(DataKind kind) => kind switch
    {
        DataKind.DvsGesture => PublishedFiles.Gesture,
        DataKind.DvsCifar10 => PublishedFiles.Cifar10Dvs,
        DataKind.Nmnist => PublishedFiles.Nmnist,
        _ => [],
    };

    /// <summary>Prepares a data set.</summary>
    /// <param name="recipe">The recipe's data fields: kind, and how to turn recordings into frames.</param>
    /// <param name="source">The folder of the archives or recordings.</param>
    /// <param name="output">The folder for the result; created if necessary.</param>
    /// <param name="options">Options for the preparation.</param>
    /// <param name="cancellation">Stops the preparation. The next call continues it.</param>
    /// <exception cref="SpikeformerException">The source is missing, incomplete, damaged or differs from the published files, the output cannot
    /// be written, or another process is writing it (Conflict).</exception>
    public static PreparedData Run(DataRecipe recipe, string source, string output, PreparationOptions options, CancellationToken cancellation = default)
    {
        if (!Directory.Exists(source))
            throw new SpikeformerException(ErrorKind.NotFound, $"source folder {source} does not exist", "Give the folder of the downloaded files with --source");
        AtomicFile.CreateDirectory(output);
        string unpacked = Path.Combine(output, "unpacked");
        if (options.CheckSums) CheckSums(recipe.Kind, source, options, cancellation);
        string folder = Unpack(recipe.Kind, source, unpacked, options, cancellation) ? unpacked : source;
        options.Say?.Invoke($"Scanning {folder}.");
        using IDataset dataset = DatasetCatalogue.OpenUncached(recipe, folder, options.Say);
        if (dataset is not IFrameDataset frames)
            throw new SpikeformerException(ErrorKind.Usage, $"{folder} is already prepared", "Give it to train with --data");
        string path = PreparedFolder.PathOf(output, dataset);
        if (FrameStore.TryOpen(path, frames) is { } there) there.Dispose();
        else Write(path, frames, options, cancellation);
        if (Directory.Exists(unpacked)) Directory.Delete(unpacked, recursive: true);
        return new(path, dataset.ContentHash, dataset.Count(Split.Train), dataset.Count(Split.Test));
    }

    /// <summary>Compares the files in a folder, or in its subfolder <c>download</c>, with their published MD5 sums.</summary>
    /// <returns>The number of files compared.</returns>
    /// <exception cref="SpikeformerException">A file differs from its sum (CheckFailed).</exception>
    public static int CheckSums(DataKind kind, string source, PreparationOptions options, CancellationToken cancellation = default)
    {
        int files = 0;
        string? folder = new[] { Path.Combine(source, "download"), source }.FirstOrDefault(folder =>
            FilesOf(kind).Any(file => file.IsArchive && File.Exists(Path.Combine(folder, file.Name))));
        foreach (PublishedFile file in folder is null ? [] : FilesOf(kind))
        {
            string path = Path.Combine(folder!, file.Name);
            if (!File.Exists(path)) continue;
            options.Say?.Invoke($"Checking the MD5 sum of {path}.");
            string sum = Md5.Of(path, cancellation);
            if (sum != file.Md5)
                throw new SpikeformerException(ErrorKind.CheckFailed, $"{path} has the MD5 sum {sum}; the published file has {file.Md5}",
                    "Download the file again, or give --no-checksums for an archive that was repacked");
            files++;
        }
        return files;
    }

    /// <summary>Unpacks archives that cannot be read in place, unless the source already holds recordings.</summary>
    /// <returns>Whether the data set is in the target folder.</returns>
    private static bool Unpack(DataKind kind, string source, string target, PreparationOptions options, CancellationToken cancellation)
    {
        if (Directory.Exists(target)) return true;
        bool hasRecordings = kind switch
        {
            DataKind.DvsGesture => new[] { Path.Combine("extract", "DvsGesture"), "DvsGesture", "events_np" }.Any(part => Directory.Exists(Path.Combine(source, part))),
            DataKind.Nmnist => Directory.Exists(Path.Combine(source, "Train")),
            _ => true,
        };
        string[] names = kind == DataKind.DvsGesture ? [DvsGesture.Archive] : kind == DataKind.Nmnist ? ["Train.zip", "Test.zip"] : [];
        if (hasRecordings || names.All(name => Find(source, name) is null)) return false;
        string unfinished = $"{target}.unfinished";
        try
        {
            if (Directory.Exists(unfinished)) Directory.Delete(unfinished, recursive: true);
            Directory.CreateDirectory(unfinished);
            foreach (string name in names)
            {
                string archive = Find(source, name) ?? throw new SpikeformerException(ErrorKind.NotFound, $"{source} has no {name}", "Download this file too");
                options.Say?.Invoke($"Unpacking {archive}.");
                cancellation.ThrowIfCancellationRequested();
                Unpack(archive, unfinished, cancellation);
            }
            Directory.Move(unfinished, target);
            return true;
        }
        catch (InvalidDataException e)
        {
            throw new SpikeformerException(ErrorKind.CheckFailed, $"An archive in {source} is damaged: {e.Message.TrimEnd('.')}", "Download it again", e);
        }
        catch (Exception e) when (StorageErrors.IsStorage(e))
        {
            throw StorageErrors.Explain(e, $"Cannot unpack into {unfinished}");
        }
    }

    private static void Unpack(string archive, string folder, CancellationToken cancellation)
    {
        if (archive.EndsWith(".zip", StringComparison.Ordinal))
        {
            ZipFile.ExtractToDirectory(archive, folder);
            return;
        }
        using var file = File.OpenRead(archive);
        using var unzipped = new GZipStream(file, CompressionMode.Decompress);
        // Rejects members whose paths lie outside the folder.
        TarFile.ExtractToDirectoryAsync(unzipped, folder, overwriteFiles: true, cancellation).GetAwaiter().GetResult();
    }

    private static void Write(string path, IFrameDataset dataset, PreparationOptions options, CancellationToken cancellation)
    {
        string unfinished = $"{path}.unfinished";
        int samples = dataset.Count(Split.Train) + dataset.Count(Split.Test);
        try
        {
            using (FileStream file = OpenExclusively(unfinished))
            {
                FrameStoreWriter.Write(file.SafeFileHandle, dataset, options.Threads, done => options.Progress?.Invoke(done, samples), cancellation);
                RandomAccess.FlushToDisk(file.SafeFileHandle);
            }
            File.Move(unfinished, path, overwrite: true);
            Posix.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (StorageErrors.IsStorage(e))
        {
            throw StorageErrors.Explain(e, $"Cannot write {unfinished}");
        }
        using FrameStore written = FrameStore.Open(path);
    }

    private static FileStream OpenExclusively(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (File.Exists(path) && !StorageErrors.IsFull(e))
        {
            throw new SpikeformerException(ErrorKind.Conflict, $"Another process is writing {path}", "Wait until it ends, or choose another --out", e);
        }
    }

    private static string? Find(string source, string name) =>
        new[] { Path.Combine(source, "download", name), Path.Combine(source, name) }.FirstOrDefault(File.Exists);
}
