namespace Spikeformer.Runs;

/// <summary>States that a run ends in.</summary>
public enum RunEnding
{
    /// <summary>All epochs are done.</summary>
    Completed,
    /// <summary>Stopped on request, resumable.</summary>
    Stopped,
}

/// <summary>How a run ended.</summary>
/// <param name="Run">Its name.</param>
/// <param name="State">How it ended.</param>
/// <param name="Epoch">Completed epochs.</param>
/// <param name="Step">Committed steps.</param>
/// <param name="Loss">Mean training loss of the last epoch that was trained in this call, or NaN.</param>
/// <param name="TestAccuracy">Top-1 accuracy on the test split, 0 to 1, at the last evaluation.</param>
/// <param name="TestTop5">Top-5 accuracy likewise.</param>
/// <param name="BestTestAccuracy">Best top-1 accuracy of all evaluations.</param>
/// <param name="SamplesPerSecond">Training samples per second of this call, evaluation and start-up left out.</param>
/// <param name="StepDigest">Chained digest of all steps.</param>
/// <param name="WeightsDigest">SHA-256 of weights, statistics and optimizer state.</param>
/// <param name="Checkpoint">Folder of the last checkpoint, or null.</param>
public sealed record RunSummary(string Run, RunEnding State, int Epoch, long Step, double Loss, double TestAccuracy, double TestTop5,
    double BestTestAccuracy, double SamplesPerSecond, string StepDigest, string WeightsDigest, string? Checkpoint);
