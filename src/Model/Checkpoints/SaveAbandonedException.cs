namespace Spikeformer.Checkpoints;

/// <summary>A save by several workers was given up. Nothing of it counts, earlier checkpoints are untouched.</summary>
/// <param name="problem">Which checkpoint, and why.</param>
/// <param name="isCalledOff">See <see cref="IsCalledOff"/>.</param>
public sealed class SaveAbandonedException(string problem, bool isCalledOff)
    : SpikeformerException(ErrorKind.Failed, problem, "The run saves again at its next step")
{
    /// <summary>Whether its generation had ended. False when a writer failed, or did not come on though nobody misses it: the lead should write
    /// the next one alone.</summary>
    public bool IsCalledOff { get; } = isCalledOff;
}
