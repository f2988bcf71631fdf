using System.Collections.Concurrent;
using Spikeformer.Data.Frames;

namespace Spikeformer.Data.Images;

/// <summary>An image folder compared with its index.</summary>
/// <param name="Compared">Images that the index knows.</param>
/// <param name="Changed">Those whose bytes are others though length and time of change are the same: damaged on the disk.</param>
/// <param name="Bad">Those that could not be decoded when they were looked at.</param>
/// <param name="New">Images that the index does not know.</param>
public sealed record ImageFolderVerification(int Compared, IReadOnlyList<string> Changed, IReadOnlyList<string> Bad, IReadOnlyList<string> New)
{
    /// <summary>Reads every image again, on all cores.</summary>
    /// <param name="listing">The folder's files.</param>
    /// <param name="cache">Where the index is kept.</param>
    /// <param name="progress">Gets how many were compared, and how many there are; on any thread.</param>
    /// <param name="cancellation">Ends the work early.</param>
    /// <exception cref="SpikeformerException">There is no index (NotFound), or a file cannot be read; names it.</exception>
    public static ImageFolderVerification Of(ImageFolderListing listing, FrameCacheOptions cache, Action<int, int>? progress = null,
        CancellationToken cancellation = default)
    {
        ImageFolderIndex index = ImageFolderIndex.Find(listing, cache);
        ListedImage[] files = [.. listing.Train, .. listing.Test], known = [.. files.Where(index.Contains)];
        var changed = new ConcurrentBag<string>();
        int done = 0;
        ImageFolderIndex.ForEach(known, cancellation, (file, reader) =>
        {
            if (reader.Look(Path.Combine(listing.Folder, file.Path)).Hash != index[file].Hash) changed.Add(file.Path);
            progress?.Invoke(Interlocked.Increment(ref done), known.Length);
        });
        return new(known.Length, [.. changed.Order(StringComparer.Ordinal)],
            [.. known.Where(file => index[file].Problem is not null).Select(file => file.Path)],
            [.. files.Where(file => !index.Contains(file)).Select(file => file.Path)]);
    }
}
