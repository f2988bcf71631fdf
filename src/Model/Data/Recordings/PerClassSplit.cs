namespace Spikeformer.Data.Recordings;

/// <summary>The authors' split of CIFAR10-DVS, which comes without one: of each class the first samples train, the rest test, class by
/// class.</summary>
public static class PerClassSplit
{
    /// <summary>Share of a class that trains.</summary>
    public const double Ratio = 0.9;

    /// <summary>Splits samples.</summary>
    /// <param name="labels">Label of each sample, in the order of the data set.</param>
    /// <param name="classes">Number of classes.</param>
    /// <returns>Sample numbers of each split: the first ceil(0.9 n) of each class, and the others.</returns>
    public static (int[] Train, int[] Test) Of(IReadOnlyList<int> labels, int classes)
    {
        var ofClass = Enumerable.Range(0, labels.Count).ToLookup(sample => labels[sample]);
        var train = new List<int>();
        var test = new List<int>();
        for (int label = 0; label < classes; label++)
        {
            int[] samples = [.. ofClass[label]];
            int count = (int)Math.Ceiling(samples.Length * Ratio);
            train.AddRange(samples[..count]);
            test.AddRange(samples[count..]);
        }
        return ([.. train], [.. test]);
    }
}
