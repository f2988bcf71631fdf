using System.Collections.Concurrent;
using Spikeformer.Data.Frames;

namespace Spikeformer.Data.Images;

/// <summary>The result of comparing an image folder with its index.</summary>
/// <param name="Compared">Number of images in the index.</param>
/// <param name="Changed">Images with other bytes but the same length and modification time: damaged on the disk.</param>
/// <param name="Bad">Images in the index that cannot be decoded.</param>
/// <param name="New">Images that are not in the index.</param>
public sealed record ImageFolderVerification(int Compared, IReadOnlyList<string> Changed, IReadOnlyList<string> Bad, IReadOnlyList<string> New)
{
    /// <summary>Reads every image in the index again, on all cores.</summary>
    /// <param name="listing">The files of the folder.</param>
    /// <param name="cache">Settings for the index.</param>
    /// <param name="progress">Receives the number of images compared and of all images to compare, on any thread. May be null.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="SpikeformerException">There is no index (NotFound), or a file cannot be read. The message names the file.</exception>
    public static ImageFolderVerification Of(ImageFolderListing listing, FrameCacheOptions cache, Action<int, int>? progress = null,
        CancellationToken cancellation = default)
    {
        ImageFolderIndex index = ImageFolderIndex.Find(listing, cache);
        ListedImage[] files = [.. listing.Train, .. listing.Test], known = [.. files.Where(index.Contains)];
        var changed = new ConcurrentBag<string>();
        int done = 0;
        ImageFolderIndex.ForEach(known, cancellation, (file, reader) =>
        {
            if (reader.Inspect(Path.Combine(listing.Folder, file.Path)).Hash != index[file].Hash) changed.Add(file.Path);
            progress?.Invoke(Interlocked.Increment(ref done), known.Length);
        });
        return new(known.Length, [.. changed.Order(StringComparer.Ordinal)],
            [.. known.Where(file => index[file].Problem is not null).Select(file => file.Path)],
            [.. files.Where(file => !index.Contains(file)).Select(file => file.Path)]);
    }
}
