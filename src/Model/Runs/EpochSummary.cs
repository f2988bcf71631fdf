using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>What is counted while an epoch is trained. Adds up in the order of the steps, so that every member and every resumed run gets the same.</summary>
/// <param name="Steps">Steps so far.</param>
/// <param name="Samples">Their samples.</param>
/// <param name="LossSum">Sum of the losses of the samples.</param>
/// <param name="StepLossSum">Sum of the mean losses of the steps, which the authors' average is made from.</param>
/// <param name="Top1">Samples whose label had the largest logit.</param>
/// <param name="Top5">Samples whose label was among the five largest.</param>
/// <param name="LearningRate">Rate of the last step.</param>
/// <param name="Seconds">Time that the steps took.</param>
public sealed record EpochSums(int Steps, long Samples, double LossSum, double StepLossSum, long Top1, long Top5, double LearningRate, double Seconds)
{
    /// <summary>Before the first step.</summary>
    public static EpochSums Zero { get; } = new(0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>With one more step.</summary>
    internal EpochSums Add(CommittedStep step, TimeSpan took) => new(Steps + 1, Samples + step.Samples, LossSum + step.Loss * step.Samples,
        StepLossSum + step.Loss, Top1 + step.Top1, Top5 + step.Top5, step.LearningRate, Seconds + took.TotalSeconds);
}

/// <summary>A finished epoch: its training and the evaluation after it.</summary>
/// <param name="Epoch">Epoch, from 0.</param>
/// <param name="Train">The training, whose accuracy is that before each step's update.</param>
/// <param name="Test">The evaluation.</param>
/// <param name="TestSeconds">Time that it took.</param>
/// <param name="WorkerSamplesPerSecond">Median over the steps of the samples a second of one worker.</param>
/// <param name="PeakMegabytes">The most memory that the worker which tells this has ever held, MiB.</param>
public sealed record EpochSummary(int Epoch, EpochSums Train, EvaluationResult Test, double TestSeconds, double WorkerSamplesPerSecond, double PeakMegabytes)
{
    /// <summary>Mean training loss over the samples.</summary>
    public double TrainLoss => Train.LossSum / Train.Samples;

    /// <summary>Mean training loss over the steps, as the authors average: a short last step counts as much as a full one.</summary>
    public double TrainReferenceLoss => Train.StepLossSum / Train.Steps;

    /// <summary>Training accuracy, 0 to 1.</summary>
    public double TrainAccuracy => (double)Train.Top1 / Train.Samples;

    /// <summary>Training top-5 accuracy, 0 to 1.</summary>
    public double TrainTop5 => (double)Train.Top5 / Train.Samples;
}
