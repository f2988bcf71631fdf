using Spikeformer.Network;
using static TorchSharp.torch;

namespace Spikeformer.Training;

/// <summary>Details of an evaluation: the confusion matrix and the activity of the layers. Not thread-safe.</summary>
/// <param name="classes">The number of classes.</param>
public sealed class EvaluationDetails(int classes)
{
    /// <summary>The number of samples by [label, predicted class].</summary>
    public long[,] Confusion { get; } = new long[classes, classes];

    /// <summary>The activity of the layers.</summary>
    public ActivityCounter Activity { get; } = new();

    /// <summary>Adds a batch.</summary>
    /// <param name="logits">The logits, [B, classes].</param>
    /// <param name="labels">The labels, int64 [B].</param>
    internal void Count(Tensor logits, Tensor labels)
    {
        using var scope = NewDisposeScope();
        long[] predicted = logits.argmax(1).cpu().data<long>().ToArray(), expected = labels.cpu().data<long>().ToArray();
        for (int b = 0; b < expected.Length; b++) Confusion[expected[b], predicted[b]]++;
    }
}
