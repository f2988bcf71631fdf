using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Model.Tests.Data;

public sealed class RelabelledDatasetTests
{
    private static IDataset Gestures() => DatasetCatalogue.Open(RecipeCatalogue.Load("demo", ["data.trainSamples=22", "data.testSamples=11"]).Data, null, null);

    [Fact]
    public void Labels_follow_the_class_names_of_the_weights()
    {
        using IDataset gestures = Gestures();
        string[] sortedAsTexts = [.. gestures.ClassNames.Order(StringComparer.Ordinal)];
        Assert.NotEqual(gestures.ClassNames, sortedAsTexts);
        IDataset relabelled = RelabelledDataset.Of(gestures, sortedAsTexts);
        for (int i = 0; i < 22; i++)
            Assert.Equal(gestures.ClassNames[gestures.Label(Split.Train, i)], relabelled.ClassNames[relabelled.Label(Split.Train, i)]);
        float[] before = new float[gestures.Shape.Elements], after = new float[gestures.Shape.Elements];
        gestures.Read(Split.Test, 3, null, before);
        relabelled.Read(Split.Test, 3, null, after);
        Assert.Equal(before, after);
    }

    [Fact]
    public void The_same_order_returns_the_same_data_set()
    {
        using IDataset gestures = Gestures();
        Assert.Same(gestures, RelabelledDataset.Of(gestures, [.. gestures.ClassNames]));
    }

    [Fact]
    public void Other_classes_are_rejected()
    {
        using IDataset gestures = Gestures();
        foreach (string[] names in new[] { ["cat", .. gestures.ClassNames.Skip(1)], [.. gestures.ClassNames.Skip(1)], new[] { "dog" } })
            Assert.Equal(ErrorKind.Conflict, Assert.Throws<SpikeformerException>(() => RelabelledDataset.Of(gestures, names)).Kind);
    }
}
