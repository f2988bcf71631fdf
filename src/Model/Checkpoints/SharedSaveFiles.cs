using System.Text;

namespace Spikeformer.Checkpoints;

/// <summary>Reports between the writers of shared saves: small files in the save's folder, as durable as the slices that they describe.</summary>
/// <remarks>Methods throw the exceptions of <see cref="ICheckpointFiles"/>, except those named Try.</remarks>
internal sealed class SharedSaveFiles(ICheckpointFiles files, CheckpointReader reader)
{
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(10), s_longestPause = TimeSpan.FromSeconds(1);

    /// <summary>Reports to the lead that a writer's slices are written and verified.</summary>
    public void Report(SharedSave save, int writer, Manifest written) => Write(save, SharedSave.ReportFile(writer), written.ToBytes());

    /// <summary>Reports to the lead why a writer failed, so that the lead need not wait for it. If this fails too, the lead waits.</summary>
    public void TryReportFailure(SharedSave save, int writer, string problem) =>
        BestEffort.Try(() => Write(save, SharedSave.FailureFile(writer), Encoding.UTF8.GetBytes(problem)));

    /// <summary>Waits until all writers have reported.</summary>
    /// <param name="save">The save, which already has the caller's own slices.</param>
    /// <param name="patience">How long to wait for the next file.</param>
    /// <param name="callOff">Stops waiting.</param>
    /// <exception cref="SaveAbandonedException">A writer failed or stopped writing, or the save was called off.</exception>
    public void AwaitReports(SharedSave save, TimeSpan patience, CancellationToken callOff)
    {
        (int seen, long progressed, TimeSpan pause) = (0, TimeProvider.System.GetTimestamp(), s_shortestPause);
        while (true)
        {
            // Read before listing the files: a save that was complete when it was called off must not be abandoned.
            bool isCalledOff = callOff.IsCancellationRequested;
            IReadOnlyList<string> there = files.Files(save.Folder);
            if (there.Count > seen) (seen, progressed, pause) = (there.Count, TimeProvider.System.GetTimestamp(), s_shortestPause);
            foreach (int writer in save.Missing)
                if (there.Contains(SharedSave.ReportFile(writer))) save.AddReport(writer, ReadReport(save, writer));
                else if (there.Contains(SharedSave.FailureFile(writer))) throw save.Abandoned(ReadFailure(save, writer), isCalledOff: false);
            if (save.Missing.Count == 0) return;
            save.GiveUpIfHopeless(isCalledOff, TimeProvider.System.GetElapsedTime(progressed), patience);
            callOff.WaitHandle.WaitOne(pause);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }

    /// <summary>Removes folders of shared saves that have ended, if possible. No correctness depends on it, and a late writer may still be
    /// writing to one.</summary>
    public void TryRemove(Func<string, bool> hasEnded) => BestEffort.Try(() =>
    {
        foreach (string folder in files.Folders())
            if (SharedSave.IsFolder(folder) && hasEnded(folder)) files.DeleteFolder(folder);
    });

    private Manifest ReadReport(SharedSave save, int writer)
    {
        try
        {
            return reader.ReadManifest(save.Folder, SharedSave.ReportFile(writer));
        }
        catch (SpikeformerException error)
        {
            throw save.Abandoned(error.What, isCalledOff: false);
        }
    }

    private string ReadFailure(SharedSave save, int writer)
    {
        using var text = new StreamReader(files.OpenRead(save.Folder, SharedSave.FailureFile(writer)));
        return text.ReadToEnd();
    }

    private void Write(SharedSave save, string file, byte[] bytes) => files.Write(save.Folder, file, stream => stream.Write(bytes));
}
