using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.Data.Frames;
using Spikeformer.Data.Images;
using Spikeformer.Data.Recordings;
using Spikeformer.Data.Synthetic;

namespace Spikeformer.Data.Datasets;

/// <summary>Opens the data set that a recipe names.</summary>
public static class DatasetCatalogue
{
    /// <summary>Opens a data set for the trainer. Samples are frames, cached where possible, with the recipe's augmentation for reads with a
    /// key.</summary>
    /// <param name="recipe">The recipe's data fields.</param>
    /// <param name="dataPath">The folder of the recordings or photographs, or a folder made by <c>data prepare</c>. The synthetic camera needs
    /// none.</param>
    /// <param name="cache">Settings of the cache for frames and image indexes. Null selects the defaults.</param>
    /// <param name="warn">Receives warnings about the data. Null sends them to the cache's receiver.</param>
    /// <returns>The data set; the caller disposes it.</returns>
    /// <exception cref="SpikeformerException">A field is wrong, the path is missing or has the wrong layout, or a recording is damaged.</exception>
    public static IDataset Open(DataRecipe recipe, string? dataPath, FrameCacheOptions? cache = null, Action<string>? warn = null)
    {
        cache ??= new();
        IDataset clean = OpenUncached(recipe, dataPath, cache with { Warn = warn ?? cache.Warn });
        if (clean is IFrameDataset frames) clean = FrameCache.Wrap(frames, cache);
        return recipe.Augmentation is Augmentation.Dvs or Augmentation.DvsReference ? new AugmentedDataset(clean, recipe.Augmentation) : clean;
    }

    /// <summary>Opens a data set without cache and augmentation, to inspect the content of its files.</summary>
    /// <param name="recipe">The recipe's data fields.</param>
    /// <param name="dataPath">As for <see cref="Open"/>.</param>
    /// <param name="warn">Receives warnings about the data. May be null.</param>
    /// <returns>A <see cref="RecordingDataset"/>, a data set of SpikingJelly's frames, a <see cref="FrameStore"/>, or an
    /// <see cref="ImageFolderDataset"/>. The caller disposes it.</returns>
    /// <exception cref="SpikeformerException">As for <see cref="Open"/>.</exception>
    public static IDataset OpenUncached(DataRecipe recipe, string? dataPath, Action<string>? warn = null) => OpenUncached(recipe, dataPath, new FrameCacheOptions { Warn = warn });

    private static IDataset OpenUncached(DataRecipe recipe, string? dataPath, FrameCacheOptions cache)
    {
        if (recipe.Kind == DataKind.Synthetic) return Synthetic(recipe);
        if (recipe.TrainSamples is not null || recipe.TestSamples is not null)
            throw new SpikeformerException(ErrorKind.Usage,
                "recipe fields data.trainSamples and data.testSamples: only for the synthetic camera", "Remove them from the recipe");
        if (recipe.Addresses is not null && recipe.Kind != DataKind.DvsCifar10)
            throw new SpikeformerException(ErrorKind.Usage, "recipe field data.addresses: only for dvs-cifar10", "Remove it from the recipe");
        return recipe.Kind switch
        {
            DataKind.Nmnist => Events(NmnistReader.Sensor, (folder, options, _) => new NmnistDataset(folder, options)),
            DataKind.DvsGesture => Events(Aedat31Reader.Sensor, DvsGesture.Open),
            DataKind.DvsCifar10 => Events(Aedat20Reader.Sensor, DvsCifar10.Open),
            DataKind.ImageFolder => ImageFolderDataset.Open(recipe, Folder(recipe, dataPath), cache),
            _ => throw new ArgumentOutOfRangeException(nameof(recipe), recipe.Kind, "Unknown kind of data."),
        };

        IDataset Events(SensorSize sensor, Func<string, FrameOptions, Action<string>?, IDataset> open)
        {
            string folder = Folder(recipe, dataPath);
            FrameOptions options = FrameOptions.From(recipe, sensor);
            return (IDataset?)PreparedFolder.TryOpen(folder, RecipeField.NameOf(recipe.Kind), options) ?? open(folder, options, cache.Warn);
        }
    }

    private static SyntheticDataset Synthetic(DataRecipe recipe)
    {
        var sensor = FrameOptions.Canvas(recipe) is { } canvas ? new SensorSize(canvas.Width, canvas.Height) : SyntheticDataset.DefaultSensor;
        return new SyntheticDataset(FrameOptions.From(recipe, sensor),
            recipe.TrainSamples ?? SyntheticDataset.DefaultTrainSamples, recipe.TestSamples ?? SyntheticDataset.DefaultTestSamples);
    }

    private static string Folder(DataRecipe recipe, string? dataPath) => dataPath
        ?? throw new SpikeformerException(ErrorKind.Usage, $"data kind {RecipeField.NameOf(recipe.Kind)} needs a folder", "Give it with --data");
}
