using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.Client;

/// <summary>Tells on standard error how a run goes: one line that is rewritten on a terminal, a line every few seconds elsewhere.</summary>
internal sealed class RunFollower(Terminal terminal, TimeProvider time) : ITrainingObserver
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10), RewriteInterval = TimeSpan.FromMilliseconds(200);
    private readonly bool _rewrites = terminal.ErrorScreen.Profile.Capabilities.Interactive;
    private readonly Lock _lock = new();
    private long _began, _lastShown;
    private long _firstStep, _lastStep, _samples;
    private int _stepsPerEpoch = 1, _epochs;
    private int _lineLength;

    public void Started(int stepsPerEpoch, int epochs, long firstStep)
    {
        (_stepsPerEpoch, _epochs, _firstStep, _lastStep) = (stepsPerEpoch, epochs, firstStep, (long)stepsPerEpoch * epochs);
        _began = _lastShown = time.GetTimestamp();
    }

    public void Committed(CommittedStep step)
    {
        _samples += step.Samples;
        if (time.GetElapsedTime(_lastShown) < (_rewrites ? RewriteInterval : LineInterval)) return;
        _lastShown = time.GetTimestamp();
        TimeSpan spent = time.GetElapsedTime(_began);
        TimeSpan left = spent / (step.Step - _firstStep) * (_lastStep - step.Step);
        Show(FormattableString.Invariant(
            $"epoch {step.Epoch + 1}/{_epochs}  step {(step.Step - 1) % _stepsPerEpoch + 1}/{_stepsPerEpoch}  loss {step.Loss:0.0000}  ") +
            FormattableString.Invariant($"lr {step.LearningRate:0.###e+0}  {_samples / spent.TotalSeconds:0} samples/s  left {left:h\\:mm\\:ss}"), keep: !_rewrites);
    }

    public void Evaluated(int epoch, double trainLoss, double trainAccuracy, EvaluationResult test) => Show(FormattableString.Invariant(
        $"epoch {epoch + 1}/{_epochs} done  train loss {trainLoss:0.0000} accuracy {trainAccuracy:0.000}  test loss {test.Loss:0.0000} accuracy {test.Accuracy:0.000}"),
        keep: true);

    public void Happened(RunEvent what)
    {
        if (what.Kind is not ("evaluation" or "checkpoint")) Show(what.Message, keep: true);
    }

    private void Show(string line, bool keep)
    {
        lock (_lock)
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
}
