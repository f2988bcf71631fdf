using SkiaSharp;
using Spikeformer.Data;
using Spikeformer.Data.Frames;
using Spikeformer.Data.Images;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Images;

public sealed class ImageFolderDatasetTests : IDisposable
{
    private static readonly DataRecipe Recipe = new() { Kind = DataKind.ImageFolder, TimeSteps = 4, Canvas = [32, 32], Augmentation = Augmentation.ImageNet };

    private readonly ImageFolderFiles _files = new();
    private readonly TemporaryFolder _cache = new();
    private readonly List<string> _warnings = [];

    public void Dispose()
    {
        _files.Dispose();
        _cache.Dispose();
    }

    [Fact]
    public void Samples_are_sorted_by_class_then_folder_then_name_by_code_point()
    {
        _files.Write("train/Z/1.PNG", ImageFolderFiles.Image(1, 1, format: SKEncodedImageFormat.Png));
        _files.Write("train/a/sub/0.jpg", ImageFolderFiles.Image(1, 2));
        _files.Write("train/a/000a.jpeg", ImageFolderFiles.Image(1, 3));
        _files.Write("train/a/.hidden.jpg", [1]);
        _files.Write("train/a/notes.txt", [1]);
        _files.Write("train/.git/x.jpg", [1]);
        _files.Write("val/Z/1.jpg", ImageFolderFiles.Image(1, 4));
        using ImageFolderDataset dataset = Open();
        Assert.Equal(["Z", "a", "b"], dataset.ClassNames);
        Assert.Equal(
            ["train/Z/1.PNG", "train/a/000.jpg", "train/a/000a.jpeg", "train/a/001.jpg", "train/a/002.jpg", "train/a/sub/0.jpg", "train/b/000.jpg", "train/b/001.jpg", "train/b/002.jpg"],
            Enumerable.Range(0, dataset.Count(Split.Train)).Select(i => dataset.PathOf(Split.Train, i)));
        Assert.Equal([0, 1, 1, 1, 1, 1, 2, 2, 2], Enumerable.Range(0, 9).Select(i => dataset.Label(Split.Train, i)));
        Assert.Equal((5, new SampleShape(1, 3, 32, 32), "image-folder"), (dataset.Count(Split.Test), dataset.Shape, dataset.Name));
    }

    [Fact]
    public void An_unaugmented_frame_is_the_normalised_centre_and_an_augmented_one_depends_on_its_key()
    {
        using ImageFolderDataset dataset = Open();
        float[] clean = Read(dataset, null), expected = new float[clean.Length];
        var image = new PixelImage();
        Assert.Null(ImageDecoder.Decode(File.ReadAllBytes(_files["train/a/001.jpg"]), image));
        new ImageTransform(new(32, 32)).Apply(image, null, expected);
        Assert.Equal(expected, clean);

        float[] first = Read(dataset, Key(3, 1));
        Assert.Equal(first, Read(dataset, Key(3, 1)));
        Assert.NotEqual(first, Read(dataset, Key(4, 1)));
        Assert.NotEqual(first, clean);
    }

    [Fact]
    public void Readers_on_many_threads_read_the_same_bits()
    {
        using ImageFolderDataset dataset = Open();
        float[][] alone = [.. Enumerable.Range(0, 6).Select(i => Read(dataset, Key(0, i), i))];
        Parallel.For(0, 48, i => Assert.Equal(alone[i % 6], Read(dataset, Key(0, i % 6), i % 6)));
    }

    [Fact]
    public void The_content_hash_depends_only_on_what_determines_the_samples()
    {
        string first = Hash();
        Assert.Equal(64, first.Length);
        Directory.Move(_files["val"], _files["test"]); // another name for the same split
        Assert.Equal(first, Hash());
        File.SetLastWriteTimeUtc(_files["train/a/000.jpg"], DateTime.UnixEpoch);
        Assert.Equal(first, Hash());
        Assert.NotEqual(first, Hash(Recipe with { Canvas = [16, 32] }));

        File.Move(_files["train/a/002.jpg"], _files["train/a/003.jpg"]);
        string renamed = Hash();
        Assert.NotEqual(first, renamed);
        byte[] bytes = File.ReadAllBytes(_files["test/b/000.jpg"]);
        bytes[^5] ^= 1;
        _files.Write("test/b/000.jpg", bytes);
        Assert.NotEqual(renamed, Hash());
    }

    [Fact]
    public void Images_are_read_once_and_again_only_after_a_change()
    {
        Assert.Equal(10, LookedAt());
        Assert.Equal(0, LookedAt());
        _files.Write("train/a/001.jpg", ImageFolderFiles.Image(0, 77));
        File.SetLastWriteTimeUtc(_files["train/a/001.jpg"], DateTime.UnixEpoch);
        Assert.Equal(1, LookedAt());

        string index = Assert.Single(Directory.GetFiles(_cache.Path));
        byte[] damaged = File.ReadAllBytes(index);
        damaged[damaged.Length / 2] ^= 1;
        File.WriteAllBytes(index, damaged);
        Assert.Equal(10, LookedAt());
        Assert.Equal(0, LookedAt());
        Assert.Equal(10, LookedAt(new FrameCacheOptions { Enabled = false }));
    }

    [Fact]
    public void Cancelled_work_continues_where_it_stopped()
    {
        using var files = new ImageFolderFiles(classes: 2, train: 60, test: 1);
        ImageFolderListing listing = ImageFolderListing.Of(files.Path);
        using var cancellation = new CancellationTokenSource();
        int before = 0, after = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => ImageFolderIndex.Open(listing, Cache, (_, _) =>
        {
            Interlocked.Increment(ref before);
            cancellation.Cancel();
        }, cancellation.Token));
        Assert.InRange(before, 1, 121);
        ImageFolderIndex.Open(listing, Cache, (_, _) => Interlocked.Increment(ref after), TestContext.Current.CancellationToken);
        Assert.Equal(122 - before, after);
    }

    [Fact]
    public void Bad_files_are_an_error_that_names_them_or_are_skipped_and_counted()
    {
        _files.Write("train/a/001.jpg", []);
        _files.Write("val/b/zz.png", ImageFolderFiles.Image(1, 5, format: SKEncodedImageFormat.Png)[..200]);
        var error = Assert.Throws<SpikeformerException>(() => Open());
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.Equal($"Image files cannot be decoded: {_files["train/a/001.jpg"]}: it is empty; {_files["val/b/zz.png"]}: the file ends before the image is complete", error.What);

        using ImageFolderDataset dataset = Open(Recipe with { BadFiles = BadFiles.Skip });
        Assert.Equal((5, 4, 2), (dataset.Count(Split.Train), dataset.Count(Split.Test), dataset.BadFiles.Count));
        Assert.Equal("train/a/002.jpg", dataset.PathOf(Split.Train, 1));
        Assert.Equal([$"Skipped 2 files of {_files.Path}. First: train/a/001.jpg: it is empty."], _warnings);

        // The result equals a data set that never had the skipped files.
        File.Delete(_files["train/a/001.jpg"]);
        File.Delete(_files["val/b/zz.png"]);
        Assert.Equal(dataset.ContentHash, Hash());
    }

    [Fact]
    public void Reading_a_file_that_changed_after_indexing_fails()
    {
        using ImageFolderDataset dataset = Open();
        _files.Write("train/a/001.jpg", ImageFolderFiles.Image(0, 99));
        var error = Assert.Throws<SpikeformerException>(() => Read(dataset, null));
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.StartsWith(_files["train/a/001.jpg"], error.What);
        File.Delete(_files["train/a/001.jpg"]);
        Assert.Equal(ErrorKind.NotFound, Assert.Throws<SpikeformerException>(() => Read(dataset, null)).Kind);
    }

    [Fact]
    public void Verification_finds_changed_bad_and_new_files()
    {
        ImageFolderListing listing = ImageFolderListing.Of(_files.Path);
        Assert.Equal(ErrorKind.NotFound, Assert.Throws<SpikeformerException>(() => ImageFolderVerification.Of(listing, Cache)).Kind);
        _files.Write("val/a/bad.jpg", [1, 2, 3]);
        Assert.Equal(11, LookedAt());
        DateTime modified = File.GetLastWriteTimeUtc(_files["train/b/000.jpg"]);
        byte[] bytes = File.ReadAllBytes(_files["train/b/000.jpg"]);
        bytes[100] ^= 1;
        _files.Write("train/b/000.jpg", bytes);
        File.SetLastWriteTimeUtc(_files["train/b/000.jpg"], modified);
        _files.Write("train/b/new.jpg", ImageFolderFiles.Image(0, 5));

        ImageFolderVerification found = ImageFolderVerification.Of(ImageFolderListing.Of(_files.Path), Cache);
        Assert.Equal(11, found.Compared);
        Assert.Equal(["train/b/000.jpg"], found.Changed);
        Assert.Equal(["val/a/bad.jpg"], found.Bad);
        Assert.Equal(["train/b/new.jpg"], found.New);
    }

    [Fact]
    public void Other_layouts_are_rejected_with_the_folder()
    {
        using var folder = new TemporaryFolder();
        Refused(folder["none"], ErrorKind.NotFound, "does not exist");
        Refused(folder.Path, ErrorKind.Usage, "has no folder train");
        Directory.CreateDirectory(folder["train"]);
        Refused(folder.Path, ErrorKind.Usage, "has no folder val");
        Directory.CreateDirectory(folder["val"]);
        Refused(folder.Path, ErrorKind.Usage, "holds no class folders");
        Directory.CreateDirectory(folder["train/x"]);
        File.WriteAllBytes(folder["val/ILSVRC2012_val_00000001.JPEG"], [1]);
        Refused(folder.Path, ErrorKind.Usage, "Sort ImageNet's validation images with 'data prepare imagenet-val'");
        File.Delete(folder["val/ILSVRC2012_val_00000001.JPEG"]);
        Refused(folder.Path, ErrorKind.Usage, "has no folder for class x");
        Directory.CreateDirectory(folder["val/x"]);
        Refused(folder.Path, ErrorKind.Usage, $"{folder["train/x"]} holds no images");
        Directory.CreateDirectory(folder["val/y"]);
        Refused(folder.Path, ErrorKind.Usage, "has no folder for class y");
    }

    private FrameCacheOptions Cache => new() { Folder = _cache.Path, Warn = _warnings.Add };

    private ImageFolderDataset Open(DataRecipe? recipe = null) => ImageFolderDataset.Open(recipe ?? Recipe, _files.Path, Cache);

    private string Hash(DataRecipe? recipe = null)
    {
        using ImageFolderDataset dataset = Open(recipe);
        return dataset.ContentHash;
    }

    private int LookedAt(FrameCacheOptions? cache = null)
    {
        int looked = 0;
        ImageFolderIndex.Open(ImageFolderListing.Of(_files.Path), cache ?? Cache, (_, _) => Interlocked.Increment(ref looked));
        return looked;
    }

    private static float[] Read(ImageFolderDataset dataset, KeyedRandom? augmentation, int index = 1)
    {
        var frame = new float[dataset.Shape.Elements];
        Array.Fill(frame, float.NaN);
        dataset.Read(Split.Train, index, augmentation, frame);
        Assert.DoesNotContain(float.NaN, frame);
        return frame;
    }

    private static KeyedRandom Key(int epoch, int sample) => new(2020, RandomPurpose.Augmentation, epoch, sample);

    private static void Refused(string folder, ErrorKind kind, string message)
    {
        var error = Assert.Throws<SpikeformerException>(() => ImageFolderListing.Of(folder));
        Assert.Equal(kind, error.Kind);
        Assert.Contains(message, error.Message);
    }
}
