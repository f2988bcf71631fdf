namespace Spikeformer.Cli.Shell;

/// <summary>Shows the progress of a run on standard error: on a terminal one line that is rewritten, elsewhere a line every few seconds.</summary>
/// <param name="terminal">Gets the lines.</param>
/// <param name="time">Clock.</param>
internal sealed class RunFollower(Terminal terminal, TimeProvider time)
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10), RewriteInterval = TimeSpan.FromMilliseconds(200);
    private readonly bool _rewrites = terminal.ErrorScreen.Profile.Capabilities.Interactive;
    private long _began, _lastShown, _firstStep = -1, _samples;
    private int _lineLength;

    /// <summary>Shows news of the run.</summary>
    public void Show(RunNews news)
    {
        foreach (ClusterEvent entry in news.Events)
            if (entry.Kind is not (EventKinds.Evaluation or EventKinds.Checkpoint or EventKinds.Accepted)) Show(entry.Message, keep: true);
        foreach (EpochResult epoch in news.Epochs)
            Show(FormattableString.Invariant($"epoch {epoch.Epoch + 1}/{news.Status.Epochs} done  train loss {epoch.TrainLoss:0.0000} accuracy ") +
                FormattableString.Invariant($"{epoch.TrainAccuracy:0.000}  test loss {epoch.TestLoss:0.0000} accuracy {epoch.TestAccuracy:0.000}"), keep: true);
        if (news.Commits.Count > 0) Count(news.Commits, news.Status);
    }

    private void Count(IReadOnlyList<StepCommit> commits, RunStatus status)
    {
        if (_firstStep < 0) (_began, _lastShown, _firstStep) = (time.GetTimestamp(), time.GetTimestamp(), commits[^1].Step);
        else _samples += commits.Sum(commit => commit.Samples);
        StepCommit last = commits[^1];
        if (last.Step == _firstStep || time.GetElapsedTime(_lastShown) < (_rewrites ? RewriteInterval : LineInterval)) return;
        _lastShown = time.GetTimestamp();
        TimeSpan spent = time.GetElapsedTime(_began);
        TimeSpan left = spent / (last.Step - _firstStep) * (status.TotalSteps - last.Step);
        Show(FormattableString.Invariant(
            $"epoch {last.Epoch + 1}/{status.Epochs}  step {(last.Step - 1) % status.StepsPerEpoch + 1}/{status.StepsPerEpoch}  loss {last.Loss:0.0000}  ") +
            FormattableString.Invariant($"lr {last.LearningRate:0.###e+0}  {_samples / spent.TotalSeconds:0} samples/s  left {left:h\\:mm\\:ss}"), keep: !_rewrites);
    }

    private void Show(string line, bool keep)
    {
        if (!_rewrites)
        {
            terminal.Say(line);
            return;
        }
        terminal.SayInPlace("\r" + line.PadRight(_lineLength) + (keep ? "\n" : ""));
        _lineLength = keep ? 0 : line.Length;
    }
}
