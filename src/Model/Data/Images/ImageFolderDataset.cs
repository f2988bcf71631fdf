using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Spikeformer.Data.Frames;

namespace Spikeformer.Data.Images;

/// <summary>A data set of photographs in class folders, <c>train/CLASS/*.jpg</c> and <c>val/CLASS/*.jpg</c>, as in ImageNet. Samples are decoded when
/// they are read. A sample has one frame, which the network repeats at every time step.</summary>
/// <remarks>The files that cannot be decoded are known before the first sample is read, so skipping them gives the same samples in all epochs, workers
/// and resumed runs. Uses about 45 bytes per file, and one decoded photograph per reading thread. Safe for concurrent readers.</remarks>
public sealed class ImageFolderDataset : IDataset
{
    private const int NamedProblems = 5;

    private readonly string _folder;
    private readonly ImageOptions _options;
    private readonly Samples _train, _test;
    private readonly ConcurrentBag<Reader> _idle = [];

    /// <summary>Opens a folder.</summary>
    /// <param name="listing">The files of the folder.</param>
    /// <param name="index">The index of the folder.</param>
    /// <param name="options">How to turn a photograph into a frame, and how to treat files that cannot be decoded.</param>
    /// <exception cref="SpikeformerException">Files cannot be decoded and the options do not skip them, or a split has no samples. The message
    /// names the files.</exception>
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

    /// <summary>Opens a folder with the options of a recipe. Reads all files that the index does not know yet.</summary>
    /// <param name="recipe">The recipe's data fields.</param>
    /// <param name="folder">The folder that holds <c>train</c> and <c>val</c>.</param>
    /// <param name="cache">Settings for the index, and the receiver of warnings about skipped files.</param>
    /// <exception cref="SpikeformerException">A field, the layout or a file is wrong. The message names it.</exception>
    public static ImageFolderDataset Open(DataRecipe recipe, string folder, FrameCacheOptions cache)
    {
        var options = ImageOptions.From(recipe);
        ImageFolderListing listing = ImageFolderListing.Of(folder);
        var dataset = new ImageFolderDataset(listing, ImageFolderIndex.Open(listing, cache), options);
        if (dataset.BadFiles.Count > 0)
            cache.Warn?.Invoke(string.Create(CultureInfo.InvariantCulture,
                $"Skipped {(dataset.BadFiles.Count == 1 ? "1 file" : $"{dataset.BadFiles.Count} files")} of {folder}. First: {dataset.BadFiles[0].Path}: {dataset.BadFiles[0].Problem}."));
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

    /// <summary>The files that cannot be decoded, each with the problem as a clause to put after the name.</summary>
    public IReadOnlyList<(string Path, string Problem)> BadFiles { get; }

    /// <inheritdoc/>
    public int Count(Split split) => Of(split).Count;

    /// <inheritdoc/>
    public int Label(Split split, int index) => Of(split).Label(index);

    /// <summary>Returns the path of a sample's file, relative to the folder.</summary>
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

    /// <summary>Reads the pixels of a sample without augmentation and normalisation.</summary>
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
                ? string.Create(CultureInfo.InvariantCulture, $"{files.Count} image files cannot be decoded. First {NamedProblems}: {named}")
                : $"Image files cannot be decoded: {named}",
            "Restore or remove them, or skip them with --set data.badFiles=skip");
    }

    private sealed class Reader(ImageOptions options)
    {
        public ImageFile File { get; } = new();

        public ImageTransform Transform { get; } = new(options);
    }

    /// <summary>The samples of a split, with all names in one array.</summary>
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
                    $"{listing.Folder} has no {split.ToString().ToLowerInvariant()} images that can be decoded", "Check the data");
            (_ends, _labels, _hashes) = (new int[files.Length], new int[files.Length], new UInt128[files.Length]);
            var names = new MemoryStream();
            for (int i = 0; i < files.Length; i++)
            {
                names.Write(Encoding.UTF8.GetBytes(files[i].Path));
                (_ends[i], _labels[i], _hashes[i]) = ((int)names.Length, files[i].Label, index[files[i]].Hash);
                // The hash must not depend on the name of the split's folder, val or test.
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
