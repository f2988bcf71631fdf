using Spikeformer.Data.Images;
using Spikeformer.Training;

namespace Spikeformer.Data;

/// <summary>Opens the data set that a recipe names.</summary>
public static class DatasetCatalogue
{
    /// <summary>Opens a data set as the trainer reads it: frames, from the cache where there can be one.</summary>
    /// <param name="recipe">The recipe's data fields.</param>
    /// <param name="dataPath">The folder of the recordings or photographs; not needed by the synthetic camera.</param>
    /// <param name="cache">Where decoded frames and what is known of photographs are kept; null takes the defaults.</param>
    /// <exception cref="SpikeformerException">A field is wrong, the kind is not read by this version, the path is missing or its layout
    /// wrong, or a recording is damaged.</exception>
    public static IDataset Open(DataRecipe recipe, string? dataPath, FrameCacheOptions? cache = null) => recipe.Kind == DataKind.ImageFolder
        ? ImageFolderDataset.Open(recipe, Folder(recipe, dataPath), cache ?? new())
        : FrameCache.Wrap(OpenRecordings(recipe, dataPath), cache ?? new());

    /// <summary>Opens a data set of recordings without a cache, for a look at the events themselves.</summary>
    /// <param name="recipe">The recipe's data fields.</param>
    /// <param name="dataPath">The folder of the recordings; not needed by the synthetic camera.</param>
    /// <exception cref="SpikeformerException">As for <see cref="Open"/>.</exception>
    public static RecordingDataset OpenRecordings(DataRecipe recipe, string? dataPath)
    {
        if (recipe.Kind is not (DataKind.Synthetic or DataKind.Nmnist))
            throw new SpikeformerException(ErrorKind.Usage, $"recipe field data.kind: this version cannot read recordings of {recipe.Kind}",
                "It reads recordings of the kinds synthetic and nmnist");
        if (recipe.Augmentation != Augmentation.None || recipe.AugmentTest)
            throw new SpikeformerException(ErrorKind.Usage, "recipe field data.augmentation: this version has no augmentation",
                "Set data.augmentation to \"none\" and data.augmentTest to false");
        if (recipe.Kind == DataKind.Synthetic)
        {
            var sensor = FrameOptions.Canvas(recipe) is { } canvas
                ? new SensorSize(canvas.Width, canvas.Height)
                : SyntheticDataset.DefaultSensor;
            return new SyntheticDataset(FrameOptions.From(recipe, sensor),
                recipe.TrainSamples ?? SyntheticDataset.DefaultTrainSamples, recipe.TestSamples ?? SyntheticDataset.DefaultTestSamples);
        }
        if (recipe.TrainSamples is not null || recipe.TestSamples is not null)
            throw new SpikeformerException(ErrorKind.Usage,
                "recipe fields data.trainSamples and data.testSamples are for the synthetic camera only", "Remove them from the recipe");
        return new NmnistDataset(Folder(recipe, dataPath), FrameOptions.From(recipe, NmnistReader.Sensor));
    }

    private static string Folder(DataRecipe recipe, string? dataPath) => dataPath
        ?? throw new SpikeformerException(ErrorKind.Usage, $"data kind {RecipeField.NameOf(recipe.Kind)} needs a folder", "Give it with --data");
}
