using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Spikeformer.Data.Frames;
using Spikeformer.Numerics;
using Spikeformer.Recipes;

namespace Spikeformer.Data.Images;

/// <summary>
/// Photographs in class folders, <c>train/CLASS/*.jpg</c> and <c>val/CLASS/*.jpg</c>: ImageNet's layout. Samples are decoded when they are read; a
/// frame is one still image, which the network shows at every time step.
/// </summary>
/// <remarks>Which files can be decoded is found out before the first sample is read, so that leaving some out changes nothing between epochs,
/// workers and resumes. Memory: about 45 bytes a file, and one decoded photograph for each reading thread.</remarks>
public sealed class ImageFolderDataset : IDataset
{
    private const int NamedProblems = 5;

    private readonly string _folder;
    private readonly ImageOptions _options;
    private readonly Samples _train, _test;
    private readonly ConcurrentBag<Reader> _idle = [];

    /// <summary>Opens a folder.</summary>
    /// <param name="listing">Its files.</param>
    /// <param name="index">What they hold.</param>
    /// <param name="options">How a photograph becomes a frame, and what happens with files that are none.</param>
    /// <exception cref="SpikeformerException">Files cannot be decoded and are not to be skipped, or no sample is left; names them.</exception>
    public ImageFolderDataset(ImageFolderListing listing, ImageFolderIndex index, ImageOptions options)
    {
        (_folder, _options, ClassNames) = (listing.Folder, options, listing.ClassNames);
        BadFiles = index.BadFiles(listing);
        if (BadFiles.Count > 0 && options.BadFiles == Recipes.BadFiles.Error) throw Broken(listing, BadFiles);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{Name}/1 {options.Key} classes={string.Join('/', ClassNames)}\n"));
        _train = new(listing, index, Split.Train, hash);
        _test = new(listing, index, Split.Test, hash);
        ContentHash = Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Opens a folder as a recipe says; looks at files that are not known yet.</summary>
    /// <param name="recipe">The recipe's data fields.</param>
    /// <param name="folder">The folder that holds <c>train</c> and <c>val</c>.</param>
    /// <param name="cache">Where the index is kept, and who is told of skipped files.</param>
    /// <exception cref="SpikeformerException">A field, the layout or a file is wrong; names it.</exception>
    public static ImageFolderDataset Open(DataRecipe recipe, string folder, FrameCacheOptions cache)
    {
        var options = ImageOptions.From(recipe);
        ImageFolderListing listing = ImageFolderListing.Of(folder);
        var dataset = new ImageFolderDataset(listing, ImageFolderIndex.Open(listing, cache), options);
        if (dataset.BadFiles.Count > 0)
            cache.Warn?.Invoke(string.Create(CultureInfo.InvariantCulture,
                $"{dataset.BadFiles.Count} files of {folder} are left out, the first is {dataset.BadFiles[0].Path}: {dataset.BadFiles[0].Problem}."));
        return dataset;
    }

    /// <inheritdoc/>
    public string Name => "image-folder";

    /// <inheritdoc/>
    public IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public SampleShape Shape => _options.Shape;

    /// <inheritdoc/>
    public string ContentHash { get; }

    /// <summary>Files that are left out, with the reason; a clause that follows the name.</summary>
    public IReadOnlyList<(string Path, string Problem)> BadFiles { get; }

    /// <inheritdoc/>
    public int Count(Split split) => Of(split).Count;

    /// <inheritdoc/>
    public int Label(Split split, int index) => Of(split).Label(index);

    /// <summary>The file of a sample, below the folder.</summary>
    public string PathOf(Split split, int index) => Of(split).Path(index);

    /// <inheritdoc/>
    public void Read(Split split, int index, KeyedRandom? augmentation, Span<float> frames_TCHW)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(frames_TCHW.Length, Shape.Elements, nameof(frames_TCHW));
        if (!_idle.TryTake(out Reader? reader)) reader = new(_options);
        reader.File.Decode(Path.Combine(_folder, PathOf(split, index)), Of(split).Hash(index));
        reader.Transform.Apply(reader.File.Image, augmentation, frames_TCHW);
        _idle.Add(reader);
    }

    /// <summary>Reads the clean pixels of a sample before they are normalised.</summary>
    public PixelImage ReadPixels(Split split, int index)
    {
        var reader = new Reader(_options);
        reader.File.Decode(Path.Combine(_folder, PathOf(split, index)), Of(split).Hash(index));
        return reader.Transform.Clean(reader.File.Image);
    }

    /// <inheritdoc/>
    public void Dispose() => _idle.Clear();

    private Samples Of(Split split) => split == Split.Train ? _train : _test;

    private static SpikeformerException Broken(ImageFolderListing listing, IReadOnlyList<(string Path, string Problem)> files)
    {
        string named = string.Join("; ", files.Take(NamedProblems).Select(file => $"{Path.Combine(listing.Folder, file.Path)}: {file.Problem}"));
        return new(ErrorKind.CheckFailed, files.Count > NamedProblems
                ? string.Create(CultureInfo.InvariantCulture, $"{files.Count} image files cannot be decoded. The first {NamedProblems}: {named}")
                : $"Image files cannot be decoded: {named}",
            "Restore or remove them, or leave them out with --set data.badFiles=skip");
    }

    private sealed class Reader(ImageOptions options)
    {
        public ImageFile File { get; } = new();

        public ImageTransform Transform { get; } = new(options);
    }

    /// <summary>The samples of a split, their names in one block of memory.</summary>
    private sealed class Samples
    {
        private readonly byte[] _names;
        private readonly int[] _ends, _labels;
        private readonly UInt128[] _hashes;

        public Samples(ImageFolderListing listing, ImageFolderIndex index, Split split, IncrementalHash hash)
        {
            ListedImage[] files = [.. listing.Of(split).Where(file => index[file].Problem is null)];
            if (files.Length == 0)
                throw new SpikeformerException(ErrorKind.CheckFailed,
                    $"{listing.Folder} has no {split.ToString().ToLowerInvariant()} image that can be decoded", "Check the data");
            (_ends, _labels, _hashes) = (new int[files.Length], new int[files.Length], new UInt128[files.Length]);
            var names = new MemoryStream();
            for (int i = 0; i < files.Length; i++)
            {
                names.Write(Encoding.UTF8.GetBytes(files[i].Path));
                (_ends[i], _labels[i], _hashes[i]) = ((int)names.Length, files[i].Label, index[files[i]].Hash);
                // The name of the split's folder, val or test, says nothing about the samples.
                string name = files[i].Path[(files[i].Path.IndexOf('/', StringComparison.Ordinal) + 1)..];
                hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
                    $"{split}/{name} label={files[i].Label} bytes={files[i].Bytes} hash={_hashes[i]:x32}\n")));
            }
            _names = names.ToArray();
        }

        public int Count => _ends.Length;

        public int Label(int index) => _labels[index];

        public UInt128 Hash(int index) => _hashes[index];

        public string Path(int index) => Encoding.UTF8.GetString(_names[(index == 0 ? 0 : _ends[index - 1]).._ends[index]]);
    }
}
