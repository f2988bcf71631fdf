using Spikeformer.Checkpoints;
using Spikeformer.Diagnostics;
using Spikeformer.Metrics;
using Spikeformer.ObjectStore;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Worker.Saving;

/// <summary>Writes a voter's slices of a checkpoint, on a thread of its own. If that fails, the lead finds no report of this worker and abandons the
/// checkpoint.</summary>
internal sealed class ShareWriter(PreparedRun run, MemberBoard board, TimeProvider time) : IDisposable
{
    // Null for an object store, where the lead writes alone.
    private readonly LocalCheckpointFiles? _files = CheckpointPlaces.Open(run.Directory, run.Description, _ => { }) as LocalCheckpointFiles;
    private IReadOnlyList<StateTensor>? _snapshot;
    private Thread? _writing;

    /// <summary>Whether no writing is under way.</summary>
    public bool IsReady => _writing is not { IsAlive: true };

    /// <summary>Starts to check whether this worker shares the storage of a generation's lead; null if storage is never shared.</summary>
    public StorageCheck? CheckStorage(GenerationId generation) => _files is null ? null : new(_files, generation);

    /// <summary>Starts to write the slices of one of the writers, when ready. Copies the state before it returns. The lead is the first writer.</summary>
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

    /// <summary>Waits for the writing under way, whose slices others may need.</summary>
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
            board.Happened(EventKinds.Warning, failure.Message, time.GetUtcNow());
        }
    }
}
