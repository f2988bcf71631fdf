namespace Spikeformer.Data.Recordings;

/// <summary>The authors' split of CIFAR10-DVS, which has no published split: the first 90 % of each class are for training, the rest for
/// testing.</summary>
public static class PerClassSplit
{
    /// <summary>The share of a class used for training.</summary>
    public const double Ratio = 0.9;

    /// <summary>Splits samples.</summary>
    /// <param name="labels">Label of each sample, in the order of the data set.</param>
    /// <param name="classes">Number of classes.</param>
    /// <returns>The sample numbers of each split, class by class: the first ceil(0.9 n) of each class for training, the others for testing.</returns>
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
