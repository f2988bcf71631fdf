using Spikeformer.Checkpoints;
using Spikeformer.Diagnostics;
using Spikeformer.Metrics;
using Spikeformer.ObjectStore;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Worker.Saving;

/// <summary>What a voter besides the lead does for the run's checkpoints: writes its slices, on a thread of its own. Trouble is the lead's to
/// deal with; it finds no report of this worker.</summary>
/// <param name="run">The run.</param>
/// <param name="board">The worker's board.</param>
/// <param name="time">Clock.</param>
internal sealed class ShareWriter(PreparedRun run, MemberBoard board, TimeProvider time) : IDisposable
{
    // In an object store the lead writes alone.
    private readonly LocalCheckpointFiles? _files = CheckpointPlaces.Open(run.Directory, run.Description, _ => { }) as LocalCheckpointFiles;
    private IReadOnlyList<StateTensor>? _snapshot;
    private Thread? _writing;

    /// <summary>Whether it could write now: it no longer does.</summary>
    public bool IsReady => _writing is not { IsAlive: true };

    /// <summary>Looks for the storage of a generation's lead; null where it is not to be shared.</summary>
    public StorageSight? LookFor(GenerationId generation) => _files is null ? null : new(_files, generation);

    /// <summary>Begins to write this worker's slices of the state; only when ready. The state is copied before this returns.</summary>
    /// <param name="generation">The generation that saves.</param>
    /// <param name="writers">Names of all that write, the lead first.</param>
    /// <param name="writer">This worker's place among them.</param>
    public void Save(GenerationId generation, IReadOnlyList<string> writers, int writer)
    {
        long began = time.GetTimestamp();
        IReadOnlyList<StateTensor> snapshot = _snapshot = run.Held.State.Snapshot(_snapshot);
        CheckpointInfo info = run.Description.InfoOf(run.Held.State, run.Held.Progress, run.Order.StepsPerEpoch, generation, time.GetUtcNow());
        Catalogue.CheckpointDuration.Record(time.GetElapsedTime(began).TotalSeconds, "snapshot");
        _writing = new Thread(() => Write(info, snapshot, writers, writer)) { Name = "checkpoint", IsBackground = true };
        _writing.Start();
        FailPoints.Hit("save", info.Step);
    }

    /// <summary>Waits for the writing under way: others may need it.</summary>
    public void Dispose() => _writing?.Join();

    private void Write(CheckpointInfo info, IReadOnlyList<StateTensor> state, IReadOnlyList<string> writers, int writer)
    {
        long began = time.GetTimestamp();
        try
        {
            new CheckpointStore(_files!).WriteShare(info, state, writers, writer);
            Catalogue.CheckpointDuration.Record(time.GetElapsedTime(began).TotalSeconds, "write");
        }
        catch (SpikeformerException failure)
        {
            board.Happened("warning", failure.Message, time.GetUtcNow());
        }
    }
}
