namespace Spikeformer.Checkpoints;

/// <summary>A shared save was abandoned. It left no checkpoint, and earlier checkpoints are untouched.</summary>
/// <param name="problem">The checkpoint and the reason.</param>
/// <param name="isCalledOff">See <see cref="IsCalledOff"/>.</param>
public sealed class SaveAbandonedException(string problem, bool isCalledOff)
    : SpikeformerException(ErrorKind.Failed, problem, "The run saves again at its next step")
{
    /// <summary>Whether the save was called off, because its generation ended or its lead left. False if a writer failed or stopped writing although
    /// it is not lost: the lead should write the next checkpoint alone.</summary>
    public bool IsCalledOff { get; } = isCalledOff;
}
