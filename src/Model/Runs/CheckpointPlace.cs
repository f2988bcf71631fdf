using Spikeformer.Checkpoints;

namespace Spikeformer.Runs;

/// <summary>Opens the storage of a run's checkpoints, which <see cref="RunDescription.Checkpoints"/> names. Nothing is read or written yet.</summary>
/// <param name="directory">The run's directory.</param>
/// <param name="description">The run.</param>
/// <param name="warn">Receives warnings, also on the saving thread.</param>
/// <exception cref="SpikeformerException">The name of the storage or its settings are wrong (Usage).</exception>
public delegate ICheckpointFiles CheckpointPlace(RunDirectory directory, RunDescription description, Action<string> warn);
