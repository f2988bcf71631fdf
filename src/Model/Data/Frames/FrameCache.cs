using System.Globalization;

namespace Spikeformer.Data.Frames;

/// <summary>Where decoded frames are kept between runs.</summary>
public sealed record FrameCacheOptions
{
    /// <summary>False never reads or writes a cache.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>The folder of the cache files; null takes <c>$XDG_CACHE_HOME/spikeformer</c>, else <c>~/.cache/spikeformer</c>.</summary>
    public string? Folder { get; init; }

    /// <summary>Receives one sentence when the cache cannot be used and the run goes on without it. Null drops it.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>The folder that is used.</summary>
    public string ResolvedFolder => Folder ?? Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg)
            ? xdg
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "spikeformer");
}

/// <summary>
/// Keeps the frames of a data set on disk, decoded once and shared by all processes of a machine. One file a data set, named by the content
/// hash; damaged or foreign files are replaced, and trouble with the disk only means that recordings are decoded again each time.
/// </summary>
public static class FrameCache
{
    /// <summary>Wraps a data set so that its clean samples come from the cache; builds the cache first where there is none.</summary>
    /// <param name="dataset">The data set; owned by the result from here on, or disposed where the cache takes its place.</param>
    /// <param name="options">Where the cache lies.</param>
    /// <returns>The same samples, or <paramref name="dataset"/> itself where there can be no cache.</returns>
    /// <exception cref="SpikeformerException">A recording is damaged: found here, since building reads them all.</exception>
    public static IDataset Wrap(IFrameDataset dataset, FrameCacheOptions options)
    {
        if (!options.Enabled) return dataset;
        string folder = options.ResolvedFolder;
        string path = PreparedFolder.PathOf(folder, dataset);
        try
        {
            if (FrameStore.TryOpen(path, dataset) is { } found) return Instead(found, dataset);
            Directory.CreateDirectory(folder);
            RemoveAbandoned(folder);
            Build(path, dataset);
            if (FrameStore.TryOpen(path, dataset) is { } built) return Instead(built, dataset);
            options.Warn?.Invoke($"The frame cache {path} does not read back as it was written; going on without it.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            options.Warn?.Invoke($"The frame cache in {folder} cannot be used ({e.Message.TrimEnd('.')}); going on without it.");
        }
        return dataset;
    }

    private static FrameStore Instead(FrameStore store, IFrameDataset dataset)
    {
        dataset.Dispose();
        return store;
    }

    private static void Build(string path, IFrameDataset dataset)
    {
        string temporary = string.Create(CultureInfo.InvariantCulture, $"{path}.{Environment.ProcessId}-{Guid.NewGuid():N}.tmp");
        try
        {
            // Takes a shared lock: RemoveAbandoned of another process leaves the file alone while this one lives, and readers may open
            // it in the moment between its renaming and its closing.
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

    /// <summary>Deletes what killed builders left behind.</summary>
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
                // Still being written.
            }
    }
}
