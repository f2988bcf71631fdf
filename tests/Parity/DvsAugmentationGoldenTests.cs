using Spikeformer.Data.Events;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>Compares the augmentation of event frames with the authors' code, for given draws.</summary>
public sealed class DvsAugmentationGoldenTests
{
    private static readonly GoldenFile Golden = GoldenFile.Load("dvs_augment");

    [Theory, InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7)]
    public void Frames_equal_the_reference(int number)
    {
        double[] d = Golden[$"{number}/in/draws"].AsDouble();
        GoldenTensor stored = Golden[$"{number}/in/frames"];
        var shape = new SampleShape((int)stored.Shape[0], (int)stored.Shape[1], (int)stored.Shape[2], (int)stored.Shape[3]);
        float[] frames = stored.AsSingle();
        DvsAugmentation.Apply(Augmentation.DvsReference, new(d[0], d[1], d[2], d[3], d[4], d[5], d[6]), frames, shape);
        Assert.Equal(Golden[$"{number}/out/frames"].AsSingle(), frames);
    }

    [Fact]
    public void The_file_has_no_other_cases() => Assert.Equal(24, Golden.Tensors.Count);
}
