using Spikeformer.Data;

namespace Spikeformer.Model.Tests.Data.Synthetic;

/// <summary>The simplest trained classifier, on frames of half the resolution. It shows which part of a task does not need a network.</summary>
internal static class SoftmaxRegression
{
    private const int Epochs = 30;
    private const float Rate = 0.5f;

    /// <summary>Trains on the frames (or, with still, on their sum over time and polarity) and returns the accuracy on the test samples.</summary>
    public static double TestAccuracy(IDataset dataset, bool still)
    {
        int classes = dataset.ClassNames.Count;
        float[][] train = Load(dataset, Split.Train, still), test = Load(dataset, Split.Test, still);
        var weights = new float[classes][];
        for (int c = 0; c < classes; c++) weights[c] = new float[train[0].Length];
        for (int epoch = 0; epoch < Epochs; epoch++)
            for (int i = 0; i < train.Length; i++)
            {
                float[] score = Scores(weights, train[i]);
                double sum = score.Sum(s => Math.Exp(s - score.Max()));
                for (int c = 0; c < classes; c++)
                {
                    double error = Math.Exp(score[c] - score.Max()) / sum - (c == dataset.Label(Split.Train, i) ? 1 : 0);
                    for (int k = 0; k < train[i].Length; k++) weights[c][k] -= Rate * (float)error * train[i][k];
                }
            }
        int correct = 0;
        for (int i = 0; i < test.Length; i++)
        {
            float[] score = Scores(weights, test[i]);
            if (Array.IndexOf(score, score.Max()) == dataset.Label(Split.Test, i)) correct++;
        }
        return (double)correct / test.Length;
    }

    private static float[] Scores(float[][] weights, float[] x) => Array.ConvertAll(weights, w =>
    {
        float score = 0;
        for (int k = 0; k < x.Length; k++) score += w[k] * x[k];
        return score;
    });

    /// <summary>Returns the samples as vectors of length 1.</summary>
    private static float[][] Load(IDataset dataset, Split split, bool still)
    {
        var (H, W) = (dataset.Shape.Height, dataset.Shape.Width);
        var frames = new float[dataset.Shape.Elements];
        var result = new float[dataset.Count(split)][];
        for (int index = 0; index < result.Length; index++)
        {
            dataset.Read(split, index, null, frames);
            var x = result[index] = new float[(still ? 1 : dataset.Shape.TimeSteps * 2) * (H / 2) * (W / 2)];
            for (int i = 0; i < frames.Length; i++)
                x[(still ? 0 : i / (H * W) * (H / 2) * (W / 2)) + i % (H * W) / W / 2 * (W / 2) + i % W / 2] += Math.Min(frames[i], 5);
            float norm = MathF.Sqrt(x.Sum(value => value * value));
            for (int k = 0; k < x.Length; k++) x[k] /= norm;
        }
        return result;
    }
}
