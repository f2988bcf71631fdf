using Spikeformer.Network;
using static TorchSharp.torch;

namespace Spikeformer.Training;

/// <summary>What an evaluation shows beyond its figures: which classes are taken for which, and how active the layers are.</summary>
/// <param name="classes">Number of classes.</param>
public sealed class EvaluationDetails(int classes)
{
    /// <summary>Samples by [label, predicted class].</summary>
    public long[,] Confusion { get; } = new long[classes, classes];

    /// <summary>Activity of the layers.</summary>
    public ActivityCounter Activity { get; } = new();

    /// <summary>Takes in a batch.</summary>
    /// <param name="logits">[B, classes].</param>
    /// <param name="labels">[B], int64.</param>
    internal void Count(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        long[] predicted = logits.argmax(1).cpu().data<long>().ToArray(), expected = labels.cpu().data<long>().ToArray();
        for (int b = 0; b < expected.Length; b++) Confusion[expected[b], predicted[b]]++;
    }
}
