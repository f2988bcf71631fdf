using Spikeformer.Checkpoints;

namespace Spikeformer.Runs;

/// <summary>Opens the place where a run keeps its checkpoints, which <see cref="RunDescription.Checkpoints"/> names. Nothing is read or written
/// yet.</summary>
/// <param name="directory">The run's directory.</param>
/// <param name="description">The run.</param>
/// <param name="warn">Gets what is worth a warning; also called on the saving thread.</param>
/// <exception cref="SpikeformerException">The place's name or its settings are wrong (Usage).</exception>
public delegate ICheckpointFiles CheckpointPlace(RunDirectory directory, RunDescription description, Action<string> warn);
