using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>What a worker that joins takes over of the others' progress.</summary>
/// <param name="Epochs">Evaluated epochs.</param>
/// <param name="TrainLoss">Mean training loss of the last one.</param>
/// <param name="TrainAccuracy">Its training accuracy.</param>
/// <param name="Best">Best test accuracy.</param>
/// <param name="Test">Its evaluation, or null.</param>
/// <param name="LossSum">Sum of the losses of the epoch under way.</param>
/// <param name="Samples">Its samples so far.</param>
/// <param name="Correct">Those of them that were right.</param>
/// <param name="NewBest">Whether the best is not saved yet.</param>
internal sealed record ProgressState(
    int Epochs, double TrainLoss, double TrainAccuracy, double Best, EvaluationResult? Test, double LossSum, long Samples, long Correct, bool NewBest);

/// <summary>Averages of the epoch under way and the results of the evaluations.</summary>
internal sealed class TrainingProgress
{
    private double _lossSum;
    private long _samples, _correct, _trained;
    private TimeSpan _spent;
    private bool _newBest;

    public int Epochs { get; private set; }
    public double TrainLoss { get; private set; } = double.NaN;
    public double TrainAccuracy { get; private set; }
    public double Best { get; private set; }
    public EvaluationResult? Test { get; private set; }
    public double SamplesPerSecond => _spent > TimeSpan.Zero ? _trained / _spent.TotalSeconds : 0;

    public void Count(CommittedStep step, TimeSpan took)
    {
        _lossSum += step.Loss * step.Samples;
        _samples += step.Samples;
        _correct += step.Top1;
        _trained += step.Samples;
        _spent += took;
    }

    public void EndEpoch(int epoch, EvaluationResult test)
    {
        (Epochs, Test, TrainLoss, TrainAccuracy) = (epoch + 1, test, _lossSum / _samples, (double)_correct / _samples);
        (_lossSum, _samples, _correct) = (0, 0, 0);
        _newBest |= test.Accuracy > Best;
        Best = Math.Max(Best, test.Accuracy);
    }

    public bool TakeNewBest()
    {
        bool taken = _newBest;
        _newBest = false;
        return taken;
    }

    public ProgressState State
    {
        get => new(Epochs, TrainLoss, TrainAccuracy, Best, Test, _lossSum, _samples, _correct, _newBest);
        set
        {
            (Epochs, TrainLoss, TrainAccuracy, Best, Test) = (value.Epochs, value.TrainLoss, value.TrainAccuracy, value.Best, value.Test);
            (_lossSum, _samples, _correct, _newBest) = (value.LossSum, value.Samples, value.Correct, value.NewBest);
        }
    }

    public IReadOnlyDictionary<string, double> Metrics()
    {
        var metrics = new Dictionary<string, double> { ["epochs"] = Epochs };
        if (Test is not { } test) return metrics;
        metrics["testSamples"] = test.Samples;
        metrics["testTop1"] = test.Top1;
        metrics["testTop5"] = test.Top5;
        metrics["testLossSum"] = test.LossSum;
        metrics["testAccuracy"] = test.Accuracy;
        metrics["bestTestAccuracy"] = Best;
        metrics["trainLoss"] = TrainLoss;
        return metrics;
    }

    public void Restore(IReadOnlyDictionary<string, double> metrics)
    {
        Epochs = (int)metrics.GetValueOrDefault("epochs");
        Best = metrics.GetValueOrDefault("bestTestAccuracy");
        TrainLoss = metrics.GetValueOrDefault("trainLoss", double.NaN);
        if (metrics.TryGetValue("testSamples", out double samples))
            Test = new((long)samples, (long)metrics["testTop1"], (long)metrics["testTop5"], metrics["testLossSum"]);
    }
}
