using Spikeformer.Recipes;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Recipes;

public sealed class RecipeCatalogueTests
{
    public static TheoryData<string> Names => [.. RecipeCatalogue.Names];

    [Fact]
    public void Names_AreTheSixRecipes() =>
        Assert.Equal(["demo", "dvs-cifar10", "dvs-gesture", "imagenet", "imagenet-4-segments", "nmnist"], RecipeCatalogue.Names);

    [Theory, MemberData(nameof(Names))]
    public void Load_EveryRecipe_IsValidAndHasItsName(string name) => Assert.Equal(name, RecipeCatalogue.Load(name).Name);

    [Theory, MemberData(nameof(Names))]
    public void Header_EveryRecipe_SaysSourceAndHardware(string name)
    {
        Assert.Contains("Source: ", RecipeCatalogue.Header(name));
        Assert.Contains("Hardware", RecipeCatalogue.Header(name));
    }

    [Theory]
    [InlineData("dvs-cifar10", 600, 32, 0.14, 1e-4, OptimizerKind.Adam, 4, 256, 7)]
    [InlineData("dvs-gesture", 150, 16, 0, 1.5e-4, OptimizerKind.Adam, 16, 256, 7)]
    [InlineData("imagenet", 320, 160, 0.1, 1e-4, OptimizerKind.Sgd, 4, 512, 7)]
    public void PublishedRecipes_HaveThePublishedSettings(string name, int epochs, int batch, double smoothing, double decay, OptimizerKind kind,
        int timeSteps, int width, int depth)
    {
        Recipe recipe = RecipeCatalogue.Load(name);
        Assert.Equal((epochs, batch, 8), (recipe.Epochs, recipe.Batch, recipe.Shards));
        Assert.Equal((smoothing, decay, kind), (recipe.LabelSmoothing, recipe.Optimizer.WeightDecay, recipe.Optimizer.Kind));
        Assert.Equal((timeSteps, width, depth), (recipe.Data.TimeSteps, recipe.Model.Width, recipe.Model.Depth));
        Assert.Equal((BatchNormMode.Global, Precision.Fp32), (recipe.BatchNorm, recipe.Precision));
    }

    [Fact]
    public void FourSegments_RestartWhereTheAuthorsDid()
    {
        var schedule = new Schedule(RecipeCatalogue.Load("imagenet-4-segments"));
        Assert.Equal([0, 93, 114, 117], schedule.Starts);
        Assert.Equal([93, 114, 117], Enumerable.Range(0, 128).Where(schedule.ResetsMomentum));
        Assert.Equal([1e-3, 1e-4, 1e-5], new[] { 93, 114, 117 }.Select(schedule.LearningRate));
    }

    [Fact]
    public void Load_WithOverride_ChangesTheRecipe()
    {
        Recipe recipe = RecipeCatalogue.Load("demo", ["epochs=3"]);
        Assert.Equal((DataKind.Synthetic, 3, 3), (recipe.Data.Kind, recipe.Epochs, recipe.Schedule[0].Until));
    }

    [Fact]
    public void Load_UnknownName_ListsTheRecipes()
    {
        var error = Assert.Throws<SpikeformerException>(() => RecipeCatalogue.Load("nminst"));
        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.Equal("There is no recipe 'nminst'; did you mean 'nmnist'. Use one of demo, dvs-cifar10, dvs-gesture, imagenet, "
            + "imagenet-4-segments, nmnist, or a file (a path with a slash or ending with .json).", error.Message);
    }

    [Fact]
    public void Load_NameWithASlash_IsAFile() =>
        Assert.Equal("Recipe file './demo' does not exist. Check the path.",
            Assert.Throws<SpikeformerException>(() => RecipeCatalogue.Load("./demo")).Message);
}
