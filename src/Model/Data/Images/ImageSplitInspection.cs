namespace Spikeformer.Data.Images;

/// <summary>Statistics of the photographs in a split, without those that cannot be decoded.</summary>
/// <param name="Split">The part of the data set.</param>
/// <param name="Samples">Number of photographs.</param>
/// <param name="ClassCounts">Number of photographs in each class, by label.</param>
/// <param name="Width">Smallest and largest number of columns.</param>
/// <param name="Height">Smallest and largest number of rows.</param>
/// <param name="Bytes">Total size of the files in bytes.</param>
public sealed record ImageSplitInspection(Split Split, int Samples, IReadOnlyList<int> ClassCounts, (int Low, int High) Width, (int Low, int High) Height,
    long Bytes)
{
    /// <summary>Computes the statistics of a split.</summary>
    public static ImageSplitInspection Of(ImageFolderListing listing, ImageFolderIndex index, Split split)
    {
        ListedImage[] files = [.. listing.Of(split).Where(file => index[file].Problem is null)];
        var counts = new int[listing.ClassNames.Count];
        foreach (ListedImage file in files) counts[file.Label]++;
        return new(split, files.Length, counts, Range(image => image.Width), Range(image => image.Height), files.Sum(file => file.Bytes));

        (int, int) Range(Func<IndexedImage, int> side) =>
            files.Length == 0 ? (0, 0) : (files.Min(file => side(index[file])), files.Max(file => side(index[file])));
    }
}
