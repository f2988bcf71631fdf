using Spikeformer.Data;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Data;

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
    public void The_synthetic_camera_is_as_large_as_the_canvas()
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

    public static TheoryData<string, DataRecipe> Wrong => new()
    {
        { "cannot read recordings of DvsGesture. It reads recordings of the kinds synthetic and nmnist", new() { Kind = DataKind.DvsGesture, TimeSteps = 4 } },
        { "cannot read recordings of DvsCifar10", new() { Kind = DataKind.DvsCifar10, TimeSteps = 4, Augmentation = Augmentation.DvsReference } },
        { "needs a folder. Give it with --data", new() { Kind = DataKind.Nmnist, TimeSteps = 4 } },
        { "needs a folder. Give it with --data", new() { Kind = DataKind.ImageFolder, TimeSteps = 4 } },
        { "data.canvas: 32x32 is smaller than the sensor's 34x34", new() { Kind = DataKind.Nmnist, TimeSteps = 4, Canvas = [32, 32] } },
        { "data.trainSamples", new() { Kind = DataKind.Nmnist, TimeSteps = 4, TrainSamples = 5 } },
        { "data.augmentation", new() { Kind = DataKind.Synthetic, TimeSteps = 4, Augmentation = Augmentation.Dvs } },
        { "data.canvas", new() { Kind = DataKind.Synthetic, TimeSteps = 4, Canvas = [8, 32] } },
        { "data.trainSamples", new() { Kind = DataKind.Synthetic, TimeSteps = 4, TrainSamples = 0 } },
    };

    [Theory, MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void What_cannot_be_opened_is_named(string message, DataRecipe recipe)
    {
        string? path = message.StartsWith("needs") ? null : "/nonexistent";
        var error = Assert.Throws<SpikeformerException>(() => Open(recipe, path));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains(message, error.Message);
    }

    private IDataset Open(DataRecipe recipe, string? path) => DatasetCatalogue.Open(recipe, path, new() { Folder = _cache });
}
