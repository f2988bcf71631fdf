using Spikeformer.Data.Recordings;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>Compares the split of CIFAR10-DVS with the authors' split.</summary>
public sealed class SplitRuleGoldenTests
{
    [Fact]
    public void The_split_equals_the_reference()
    {
        GoldenFile golden = GoldenFile.Load("split_rule");
        Assert.Equal(PerClassSplit.Ratio, double.Parse(golden.Metadata["ratio"], System.Globalization.CultureInfo.InvariantCulture));
        (int[] train, int[] test) = PerClassSplit.Of([.. golden["in/labels"].AsInt64().Select(label => (int)label)], int.Parse(golden.Metadata["classes"]));
        Assert.Equal(golden["out/train_idx"].AsInt64(), train.Select(sample => (long)sample));
        Assert.Equal(golden["out/test_idx"].AsInt64(), test.Select(sample => (long)sample));
    }
}
