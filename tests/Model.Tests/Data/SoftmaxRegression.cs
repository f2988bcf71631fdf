using Spikeformer.Data;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Data;

/// <summary>The simplest trained classifier: what it can do is no proof of a spiking network, what it cannot shows what the data demands.</summary>
internal static class SoftmaxRegression
{
    /// <summary>Trains on the frames (or, still, on their sum over time and polarity) and returns the share of correct test samples.</summary>
    public static double TestAccuracy(IDataset dataset, bool still)
    {
        using var scope = NewDisposeScope();
        var (x, y) = Load(dataset, Split.Train, still);
        var (testX, testY) = Load(dataset, Split.Test, still);
        Tensor oneHot = nn.functional.one_hot(y, dataset.ClassNames.Count).to(float32);
        Tensor weights = zeros(x.shape[1], dataset.ClassNames.Count), velocity = zeros_like(weights);
        for (int step = 0; step < 300; step++)
        {
            using var inner = NewDisposeScope();
            Tensor gradient = x.t().matmul(x.matmul(weights).softmax(1) - oneHot).div(x.shape[0]) + weights.mul(1e-3f);
            velocity.mul_(0.9f).add_(gradient);
            weights.sub_(velocity.mul(0.5f));
        }
        return testX.matmul(weights).argmax(1).eq(testY).to(float64).mean().item<double>();
    }

    private static (Tensor X, Tensor Y) Load(IDataset dataset, Split split, bool still)
    {
        var (count, shape) = (dataset.Count(split), dataset.Shape);
        var frames = new float[count * shape.Elements];
        for (int i = 0; i < count; i++) dataset.Read(split, i, null, frames.AsSpan(i * shape.Elements, shape.Elements));
        Tensor x = tensor(frames).view(count, shape.TimeSteps * shape.Channels, shape.Height * shape.Width).clamp(0, 5);
        x = still ? x.sum(1) : x.flatten(1);
        return (x / x.norm(1, keepdim: true), tensor(Enumerable.Range(0, count).Select(i => (long)dataset.Label(split, i)).ToArray()));
    }
}
