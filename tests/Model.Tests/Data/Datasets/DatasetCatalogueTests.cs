using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Model.Tests.Data.Recordings;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Datasets;

public sealed class DatasetCatalogueTests : IDisposable
{
    private readonly string _cache = Directory.CreateTempSubdirectory("spikeformer-cache-").FullName;

    public void Dispose() => Directory.Delete(_cache, recursive: true);

    [Fact]
    public void The_synthetic_camera_needs_no_path()
    {
        using var dataset = Open(new() { Kind = DataKind.Synthetic, TimeSteps = 3, TrainSamples = 12, TestSamples = 5 }, null);
        Assert.Equal(("synthetic", 12, 5, new SampleShape(3, 2, 32, 32)), (dataset.Name, dataset.Count(Split.Train),
            dataset.Count(Split.Test), dataset.Shape));
        Assert.Single(Directory.GetFiles(_cache));
    }

    [Fact]
    public void The_synthetic_camera_has_the_size_of_the_canvas()
    {
        using var dataset = Open(new() { Kind = DataKind.Synthetic, TimeSteps = 2, Canvas = [16, 24], TrainSamples = 1, TestSamples = 1 },
            null);
        Assert.Equal(new SampleShape(2, 2, 16, 24), dataset.Shape);
        var frames = new float[dataset.Shape.Elements];
        dataset.Read(Split.Train, 0, null, frames);
        Assert.True(frames.Sum() > 50);
    }

    [Fact]
    public void N_MNIST_is_read_from_its_folder_onto_the_canvas()
    {
        using var folder = new NmnistFolder();
        using var dataset = Open(new() { Kind = DataKind.Nmnist, TimeSteps = 2, Canvas = [36, 36] }, folder.Path);
        Assert.Equal(("nmnist", 20, new SampleShape(2, 2, 36, 36)), (dataset.Name, dataset.Count(Split.Train), dataset.Shape));
        var frames = new float[dataset.Shape.Elements];
        dataset.Read(Split.Train, 0, null, frames);
        Assert.Equal((6f, 1f), (frames.Sum(), frames[1 * 36 + 1]));
    }

    [Fact]
    public void Augmentation_changes_only_reads_with_a_key_cached_or_not()
    {
        var recipe = new DataRecipe { Kind = DataKind.Synthetic, TimeSteps = 2, TrainSamples = 2, TestSamples = 1, Augmentation = Augmentation.DvsReference };
        var key = new KeyedRandom(1, RandomPurpose.Augmentation, 0, 1);
        float[] clean = new float[2 * 2 * 32 * 32], first = new float[clean.Length], cached = new float[clean.Length];
        using (var dataset = Open(recipe, null))
        {
            dataset.Read(Split.Train, 1, null, clean);
            dataset.Read(Split.Train, 1, key, first);
        }
        Assert.NotEqual(clean, first);
        using (var dataset = Open(recipe, null)) dataset.Read(Split.Train, 1, key, cached);
        Assert.Equal(first, cached);
        using var uncached = DatasetCatalogue.Open(recipe, null, new() { Enabled = false });
        uncached.Read(Split.Train, 1, key, cached);
        Assert.Equal(first, cached);
    }

    [Theory, InlineData(DataKind.DvsGesture), InlineData(DataKind.DvsCifar10)]
    public void Event_data_sets_are_read_from_their_folders(DataKind kind)
    {
        using var folder = new TemporaryFolder();
        DvsTrees.Gesture(folder["DVSGesture"], [1, 24], 20);
        DvsTrees.Cifar10Dvs(folder["DVSCIFAR"], perClass: 10, 20);
        var warnings = new List<string>();
        using var dataset = DatasetCatalogue.Open(new() { Kind = kind, TimeSteps = 2 }, folder[kind == DataKind.DvsGesture ? "DVSGesture" : "DVSCIFAR"],
            new() { Folder = _cache, Warn = warnings.Add });
        Assert.Equal(kind == DataKind.DvsGesture ? ("dvs-gesture", 11, 11) : ("dvs-cifar10", 90, 10),
            (dataset.Name, dataset.Count(Split.Train), dataset.Count(Split.Test)));
        Assert.Equal(new SampleShape(2, 2, 128, 128), dataset.Shape);
        Assert.Contains("the complete data set has", Assert.Single(warnings));
        var frames = new float[dataset.Shape.Elements];
        dataset.Read(Split.Test, 9, null, frames);
        Assert.Equal(20, frames.Sum());
    }

    public static TheoryData<string, DataRecipe> Wrong => new()
    {
        { "data kind dvs-gesture needs a folder. Give it with --data", new() { Kind = DataKind.DvsGesture, TimeSteps = 4 } },
        { "data.canvas: 64x64 is smaller than the sensor's 128x128", new() { Kind = DataKind.DvsCifar10, TimeSteps = 4, Canvas = [64, 64] } },
        { "data.addresses: only for dvs-cifar10", new() { Kind = DataKind.Nmnist, TimeSteps = 4, Addresses = AddressConvention.Plain } },
        { "data kind nmnist needs a folder. Give it with --data", new() { Kind = DataKind.Nmnist, TimeSteps = 4 } },
        { "data kind image-folder needs a folder. Give it with --data", new() { Kind = DataKind.ImageFolder, TimeSteps = 4 } },
        { "data.canvas: 32x32 is smaller than the sensor's 34x34", new() { Kind = DataKind.Nmnist, TimeSteps = 4, Canvas = [32, 32] } },
        { "data.trainSamples", new() { Kind = DataKind.Nmnist, TimeSteps = 4, TrainSamples = 5 } },
        { "data.canvas", new() { Kind = DataKind.Synthetic, TimeSteps = 4, Canvas = [8, 32] } },
        { "data.trainSamples", new() { Kind = DataKind.Synthetic, TimeSteps = 4, TrainSamples = 0 } },
    };

    [Theory, MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void An_invalid_recipe_or_path_is_named(string message, DataRecipe recipe)
    {
        string? path = message.Contains("needs a folder") ? null : "/nonexistent";
        var error = Assert.Throws<SpikeformerException>(() => Open(recipe, path));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains(message, error.Message);
    }

    private IDataset Open(DataRecipe recipe, string? path) => DatasetCatalogue.Open(recipe, path, new() { Folder = _cache });
}
