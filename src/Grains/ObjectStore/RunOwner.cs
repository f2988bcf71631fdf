namespace Spikeformer.ObjectStore;

/// <summary>The run that owns checkpoints.</summary>
/// <param name="Run">Its name.</param>
/// <param name="Start">The start that began it, as its <c>run.json</c> tells; the same for all that continue it.</param>
/// <param name="Directory">Its directory, for people, and for the lock that its writers share.</param>
public sealed record RunOwner(string Run, Guid Start, string Directory);
