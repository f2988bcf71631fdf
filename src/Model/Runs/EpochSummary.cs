using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>The sums over the steps of an epoch. They are added in the order of the steps, so every member and every resumed run gets the same
/// values.</summary>
/// <param name="Steps">The number of steps so far.</param>
/// <param name="Samples">The number of their samples.</param>
/// <param name="LossSum">The sum of the losses of the samples.</param>
/// <param name="StepLossSum">The sum of the mean losses of the steps, from which the authors compute their average.</param>
/// <param name="Top1">The number of samples whose label had the largest logit.</param>
/// <param name="Top5">The number of samples whose label was among the five largest logits.</param>
/// <param name="LearningRate">The learning rate of the last step.</param>
/// <param name="Seconds">The duration of the steps in seconds.</param>
public sealed record EpochSums(int Steps, long Samples, double LossSum, double StepLossSum, long Top1, long Top5, double LearningRate, double Seconds)
{
    /// <summary>The sums before the first step.</summary>
    public static EpochSums Zero { get; } = new(0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>Returns the sums including one more step.</summary>
    internal EpochSums Add(CommittedStep step, TimeSpan took) => new(Steps + 1, Samples + step.Samples, LossSum + step.Loss * step.Samples,
        StepLossSum + step.Loss, Top1 + step.Top1, Top5 + step.Top5, step.LearningRate, Seconds + took.TotalSeconds);
}

/// <summary>A completed epoch: its training and the evaluation after it.</summary>
/// <param name="Epoch">The epoch, from 0.</param>
/// <param name="Train">The sums of the training, with each step's accuracy before its update.</param>
/// <param name="Test">The result of the evaluation.</param>
/// <param name="TestSeconds">The duration of the evaluation in seconds.</param>
/// <param name="WorkerSamplesPerSecond">The median over the steps of the samples per second of one worker.</param>
/// <param name="PeakMegabytes">The peak memory of the worker that reports the summary, in MiB.</param>
public sealed record EpochSummary(int Epoch, EpochSums Train, EvaluationResult Test, double TestSeconds, double WorkerSamplesPerSecond, double PeakMegabytes)
{
    /// <summary>The mean training loss over the samples.</summary>
    public double TrainLoss => Train.LossSum / Train.Samples;

    /// <summary>The mean training loss over the steps, as the authors average it: a short last step counts as much as a full one.</summary>
    public double TrainReferenceLoss => Train.StepLossSum / Train.Steps;

    /// <summary>The training accuracy, 0 to 1.</summary>
    public double TrainAccuracy => (double)Train.Top1 / Train.Samples;

    /// <summary>The training top-5 accuracy, 0 to 1.</summary>
    public double TrainTop5 => (double)Train.Top5 / Train.Samples;
}
