using System.Formats.Tar;
using System.IO.Compression;
using Spikeformer.Data.Frames;
using Spikeformer.Data.Recordings;
using Spikeformer.Files;
using Spikeformer.Recipes;

namespace Spikeformer.Data.Datasets;

/// <summary>How a data set is prepared.</summary>
public sealed record PreparationOptions
{
    /// <summary>Samples that are decoded at once; each takes the memory of two samples and one recording.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>False takes archives as they are, for copies that were packed anew.</summary>
    public bool CheckSums { get; init; } = true;

    /// <summary>Receives a sentence at each stage and for each odd thing. Null drops it.</summary>
    public Action<string>? Say { get; init; }

    /// <summary>Receives how many samples of how many are done. Null drops it.</summary>
    public Action<int, int>? Progress { get; init; }
}

/// <summary>What <see cref="DatasetPreparation"/> has made.</summary>
/// <param name="Store">The file.</param>
/// <param name="ContentHash">Hash of the data set, as runs store it.</param>
/// <param name="TrainSamples">Training samples.</param>
/// <param name="TestSamples">Test samples.</param>
public sealed record PreparedData(string Store, string ContentHash, int TrainSamples, int TestSamples);

/// <summary>
/// Turns a data set as users download it into one checksummed file of frames (<see cref="FrameStore"/>), which workers map read-only. What
/// was interrupted goes on where it stopped.
/// </summary>
/// <remarks>Archives are compared with the published sums first. Those that cannot be read in place are unpacked below the output folder,
/// and removed once the frames are there.</remarks>
public static class DatasetPreparation
{
    /// <summary>The published files of a kind.</summary>
    public static IReadOnlyList<PublishedFile> FilesOf(DataKind kind) => kind switch
    {
        DataKind.DvsGesture => PublishedFiles.Gesture,
        DataKind.DvsCifar10 => PublishedFiles.Cifar10Dvs,
        DataKind.Nmnist => PublishedFiles.Nmnist,
        _ => [],
    };

    /// <summary>Prepares a data set.</summary>
    /// <param name="recipe">The recipe's data fields: kind, and how recordings become frames.</param>
    /// <param name="source">The folder of the data set, archives or recordings.</param>
    /// <param name="output">The folder of the result; made when needed.</param>
    /// <param name="options">How it is done.</param>
    /// <param name="cancellation">Stops; the next call goes on.</param>
    /// <exception cref="SpikeformerException">The source is missing, incomplete, damaged or not what was published; the output cannot be
    /// written, or another process is preparing the same.</exception>
    public static PreparedData Run(DataRecipe recipe, string source, string output, PreparationOptions options, CancellationToken cancellation = default)
    {
        if (!Directory.Exists(source))
            throw new SpikeformerException(ErrorKind.NotFound, $"source folder {source} does not exist", "Give the folder of the downloaded files with --source");
        AtomicFile.CreateDirectory(output);
        string unpacked = Path.Combine(output, "unpacked");
        if (options.CheckSums) CheckSums(recipe.Kind, source, options, cancellation);
        string folder = Unpack(recipe.Kind, source, unpacked, options, cancellation) ? unpacked : source;
        options.Say?.Invoke($"Looking through {folder}.");
        using IDataset dataset = DatasetCatalogue.OpenUncached(recipe, folder, options.Say);
        if (dataset is not IFrameDataset frames)
            throw new SpikeformerException(ErrorKind.Usage, $"{folder} is prepared already", "Give it to train with --data");
        string path = PreparedFolder.PathOf(output, dataset);
        if (FrameStore.TryOpen(path, frames) is { } there) there.Dispose();
        else Write(path, frames, options, cancellation);
        if (Directory.Exists(unpacked)) Directory.Delete(unpacked, recursive: true);
        return new(path, dataset.ContentHash, dataset.Count(Split.Train), dataset.Count(Split.Test));
    }

    /// <summary>Compares the published files with their sums, where the archives lie: in a folder, or below it in <c>download</c>.</summary>
    /// <returns>How many there are.</returns>
    /// <exception cref="SpikeformerException">One differs.</exception>
    public static int CheckSums(DataKind kind, string source, PreparationOptions options, CancellationToken cancellation = default)
    {
        int files = 0;
        string? folder = new[] { Path.Combine(source, "download"), source }.FirstOrDefault(folder =>
            FilesOf(kind).Any(file => file.IsArchive && File.Exists(Path.Combine(folder, file.Name))));
        foreach (PublishedFile file in folder is null ? [] : FilesOf(kind))
        {
            string path = Path.Combine(folder!, file.Name);
            if (!File.Exists(path)) continue;
            options.Say?.Invoke($"Checking the sum of {path}.");
            string sum = Md5.Of(path, cancellation);
            if (sum != file.Md5)
                throw new SpikeformerException(ErrorKind.CheckFailed, $"{path} has the MD5 sum {sum}, the published file has {file.Md5}",
                    "Download it again, or give --no-checksums if it was packed anew on purpose");
            files++;
        }
        return files;
    }

    /// <summary>Unpacks archives that cannot be read in place, where there is nothing else to read.</summary>
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
                string archive = Find(source, name) ?? throw new SpikeformerException(ErrorKind.NotFound, $"{source} has no {name}", "Download it too");
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
        // Refuses members that would lie outside the folder.
        TarFile.ExtractToDirectoryAsync(unzipped, folder, overwriteFiles: true, cancellation).GetAwaiter().GetResult();
    }

    private static void Write(string path, IFrameDataset dataset, PreparationOptions options, CancellationToken cancellation)
    {
        string unfinished = $"{path}.unfinished";
        int samples = dataset.Count(Split.Train) + dataset.Count(Split.Test);
        try
        {
            using (FileStream file = OpenAlone(unfinished))
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

    private static FileStream OpenAlone(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException e) when (File.Exists(path) && !StorageErrors.IsFull(e))
        {
            throw new SpikeformerException(ErrorKind.Conflict, $"{path} is being written by another process", "Wait for it, or choose another --out", e);
        }
    }

    private static string? Find(string source, string name) =>
        new[] { Path.Combine(source, "download", name), Path.Combine(source, name) }.FirstOrDefault(File.Exists);
}
