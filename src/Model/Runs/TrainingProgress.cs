using System.Diagnostics;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>The progress that a joining worker receives from the others.</summary>
/// <param name="History">The summaries of evaluated epochs in order, including the last one.</param>
/// <param name="Best">The best test accuracy, 0 to 1.</param>
/// <param name="Sums">The sums of the current epoch.</param>
/// <param name="NewBest">Whether the best state is not saved yet.</param>
internal sealed record ProgressState(IReadOnlyList<EpochSummary> History, double Best, EpochSums Sums, bool NewBest)
{
    /// <summary>The number of completed epochs.</summary>
    public int Epochs => History.Count == 0 ? 0 : History[^1].Epoch + 1;
}

/// <summary>The averages of the current epoch and the results of the evaluations.</summary>
internal sealed class TrainingProgress
{
    // The history for a joining worker must stay small. Older epochs have long been in the files.
    private const int Remembered = 1024;

    private readonly List<EpochSummary> _history = [];
    private readonly List<double> _rates = [];
    private EpochSums _sums = EpochSums.Zero;
    private long _trained;
    private TimeSpan _spent;
    private bool _newBest;

    public int Epochs => Last is { } last ? last.Epoch + 1 : 0;
    public double Best { get; private set; }
    public EpochSummary? Last => _history.Count == 0 ? null : _history[^1];
    public IReadOnlyList<EpochSummary> History => _history;
    public double SamplesPerSecond => _spent > TimeSpan.Zero ? _trained / _spent.TotalSeconds : 0;

    public void Count(CommittedStep step, TimeSpan took)
    {
        _sums = _sums.Add(step, took);
        _trained += step.Samples;
        _spent += took;
        if (took > TimeSpan.Zero) _rates.Add(step.Samples / took.TotalSeconds);
    }

    public EpochSummary EndEpoch(int epoch, EvaluationResult test, TimeSpan testTook, int workers)
    {
        _rates.Sort();
        double rate = _rates.Count == 0 ? 0 : _rates[_rates.Count / 2] / workers;
        using Process own = Process.GetCurrentProcess();
        var summary = new EpochSummary(epoch, _sums, test, testTook.TotalSeconds, rate, own.PeakWorkingSet64 / 1048576.0);
        Remember([summary]);
        _rates.Clear();
        _sums = EpochSums.Zero;
        _newBest |= test.Accuracy > Best;
        Best = Math.Max(Best, test.Accuracy);
        return summary;
    }

    public bool TakeNewBest()
    {
        bool taken = _newBest;
        _newBest = false;
        return taken;
    }

    public ProgressState State
    {
        get => new([.. _history], Best, _sums, _newBest);
        set
        {
            _history.RemoveAll(summary => summary.Epoch >= value.Epochs);
            Remember(value.History);
            (Best, _sums, _newBest) = (value.Best, value.Sums, value.NewBest);
        }
    }

    /// <summary>The state with the last epoch only, for members that already have the earlier ones.</summary>
    public ProgressState Newest => State with { History = _history.TakeLast(1).ToArray() };

    /// <summary>Returns the values for a checkpoint: the last and the current epoch. The run's files contain the epochs before.</summary>
    public IReadOnlyDictionary<string, double> Metrics()
    {
        var metrics = new Dictionary<string, double> { ["epochs"] = Epochs };
        Put("epoch", _sums);
        if (Last is not { } last) return metrics;
        Put("train", last.Train);
        metrics["trainLoss"] = last.TrainLoss;
        metrics["testSamples"] = last.Test.Samples;
        metrics["testTop1"] = last.Test.Top1;
        metrics["testTop5"] = last.Test.Top5;
        metrics["testLossSum"] = last.Test.LossSum;
        metrics["testLastBatchLossSum"] = last.Test.LastBatchLossSum;
        metrics["testAccuracy"] = last.Test.Accuracy;
        metrics["testSeconds"] = last.TestSeconds;
        metrics["bestTestAccuracy"] = Best;
        metrics["workerSamplesPerSecond"] = last.WorkerSamplesPerSecond;
        metrics["peakMegabytes"] = last.PeakMegabytes;
        return metrics;

        void Put(string prefix, EpochSums sums)
        {
            metrics[prefix + "Steps"] = sums.Steps;
            metrics[prefix + "Samples"] = sums.Samples;
            metrics[prefix + "LossSum"] = sums.LossSum;
            metrics[prefix + "StepLossSum"] = sums.StepLossSum;
            metrics[prefix + "Top1"] = sums.Top1;
            metrics[prefix + "Top5"] = sums.Top5;
            metrics[prefix + "LearningRate"] = sums.LearningRate;
            metrics[prefix + "Seconds"] = sums.Seconds;
        }
    }

    public void Restore(IReadOnlyDictionary<string, double> metrics)
    {
        _history.Clear();
        Best = Get("bestTestAccuracy");
        _sums = Sums("epoch");
        if (!metrics.ContainsKey("testSamples")) return;
        Remember([new((int)Get("epochs") - 1, Sums("train"),
            new((long)Get("testSamples"), (long)Get("testTop1"), (long)Get("testTop5"), Get("testLossSum"), Get("testLastBatchLossSum")),
            Get("testSeconds"), Get("workerSamplesPerSecond"), Get("peakMegabytes"))]);

        double Get(string name) => metrics.GetValueOrDefault(name);
        EpochSums Sums(string prefix) => new((int)Get(prefix + "Steps"), (long)Get(prefix + "Samples"), Get(prefix + "LossSum"), Get(prefix + "StepLossSum"),
            (long)Get(prefix + "Top1"), (long)Get(prefix + "Top5"), Get(prefix + "LearningRate"), Get(prefix + "Seconds"));
    }

    private void Remember(IEnumerable<EpochSummary> summaries)
    {
        _history.AddRange(summaries.Where(summary => _history.TrueForAll(known => known.Epoch != summary.Epoch)).ToArray());
        _history.Sort((left, right) => left.Epoch.CompareTo(right.Epoch));
        if (_history.Count > Remembered) _history.RemoveRange(0, _history.Count - Remembered);
    }
}
