using System.Globalization;

namespace Spikeformer.Data.Frames;

/// <summary>Settings of the on-disk cache for decoded frames and image indexes.</summary>
public sealed record FrameCacheOptions
{
    /// <summary>Whether to read and write a cache.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>The folder of the cache files. Null selects <c>$XDG_CACHE_HOME/spikeformer</c>, or <c>~/.cache/spikeformer</c> without that
    /// variable.</summary>
    public string? Folder { get; init; }

    /// <summary>Receives a warning when the cache cannot be used and the run continues without it. May be null.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>The folder in use: <see cref="Folder"/> or the default.</summary>
    public string ResolvedFolder => Folder ?? Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg)
            ? xdg
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "spikeformer");
}

/// <summary>
/// Keeps the frames of a data set on disk, so that all processes of a machine share frames that were decoded once. The cache has one file per data set,
/// named by the content hash. Damaged or foreign files are replaced. Disk errors never stop a run; it then decodes the recordings each time.
/// </summary>
public static class FrameCache
{
    /// <summary>Returns a data set with the same samples that reads them from the cache. Builds the cache first if necessary.</summary>
    /// <param name="dataset">The data set. This method disposes it, or returns it if no cache can be used.</param>
    /// <param name="options">The settings of the cache.</param>
    /// <returns>The cached frames, or <paramref name="dataset"/> itself if no cache can be used.</returns>
    /// <exception cref="SpikeformerException">A recording is damaged. Building the cache reads all recordings.</exception>
    public static IDataset Wrap(IFrameDataset dataset, FrameCacheOptions options)
    {
        if (!options.Enabled) return dataset;
        string folder = options.ResolvedFolder;
        string path = PreparedFolder.PathOf(folder, dataset);
        try
        {
            if (FrameStore.TryOpen(path, dataset) is { } found) return Replace(dataset, found);
            Directory.CreateDirectory(folder);
            RemoveAbandoned(folder);
            Build(path, dataset);
            if (FrameStore.TryOpen(path, dataset) is { } built) return Replace(dataset, built);
            options.Warn?.Invoke($"The frame cache {path} does not read back as written; continuing without a cache.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            options.Warn?.Invoke($"The frame cache in {folder} cannot be used ({e.Message.TrimEnd('.')}); continuing without a cache.");
        }
        return dataset;
    }

    private static FrameStore Replace(IFrameDataset dataset, FrameStore store)
    {
        dataset.Dispose();
        return store;
    }

    private static void Build(string path, IFrameDataset dataset)
    {
        string temporary = string.Create(CultureInfo.InvariantCulture, $"{path}.{Environment.ProcessId}-{Guid.NewGuid():N}.tmp");
        try
        {
            // The shared lock keeps RemoveAbandoned of another process from deleting the file while this process lives. It also lets readers
            // open the file after it is renamed and before it is closed.
            using var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
            FrameStoreWriter.Write(file.SafeFileHandle, dataset);
            RandomAccess.FlushToDisk(file.SafeFileHandle);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Deletes temporary files of processes that were killed while building a cache.</summary>
    private static void RemoveAbandoned(string folder)
    {
        foreach (string temporary in Directory.EnumerateFiles(folder, "*.frames.*.tmp"))
            try
            {
                using var unlocked = new FileStream(temporary, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                File.Delete(temporary);
            }
            catch (IOException)
            {
                // Another process is still writing this file.
            }
    }
}
