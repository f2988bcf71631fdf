namespace Spikeformer.ObjectStore;

/// <summary>The run that owns checkpoints.</summary>
/// <param name="Run">Name of the run.</param>
/// <param name="Start">Id of the run's first start, from its <c>run.json</c>. It stays the same when the run continues.</param>
/// <param name="Directory">The run directory, for messages and for the lock that the run's writers share.</param>
internal sealed record RunOwner(string Run, Guid Start, string Directory);
