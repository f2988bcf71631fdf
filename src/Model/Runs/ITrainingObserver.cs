using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>Sees a run go by. Called on the training thread (checkpoints: on the saving thread); must return quickly.</summary>
public interface ITrainingObserver
{
    /// <summary>The run is set up.</summary>
    /// <param name="stepsPerEpoch">Steps of an epoch.</param>
    /// <param name="epochs">Epochs of the recipe.</param>
    /// <param name="firstStep">Steps already committed.</param>
    void Started(int stepsPerEpoch, int epochs, long firstStep);

    /// <summary>A step was committed.</summary>
    void Committed(CommittedStep step);

    /// <summary>An epoch was evaluated.</summary>
    void Evaluated(int epoch, double trainLoss, double trainAccuracy, EvaluationResult test);

    /// <summary>Something that goes into <c>events.jsonl</c>.</summary>
    void Happened(RunEvent what);
}

/// <summary>One line of <c>events.jsonl</c>.</summary>
/// <param name="Time">When; for people only.</param>
/// <param name="Kind">started, resumed, checkpoint, checkpointFailed, evaluation, stepSkipped, warning, completed, stopped, failed.</param>
/// <param name="Step">Committed steps at that time.</param>
/// <param name="Message">What happened, in words.</param>
public sealed record RunEvent(DateTimeOffset Time, string Kind, long Step, string Message);
