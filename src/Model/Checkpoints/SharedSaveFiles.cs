using System.Text;
using Spikeformer.Files;

namespace Spikeformer.Checkpoints;

/// <summary>Reports between the writers of shared saves: small files in the save's folder, as durable as the slices they speak of.</summary>
/// <remarks>Methods throw what <see cref="ICheckpointFiles"/> throws, but for those named Try.</remarks>
internal sealed class SharedSaveFiles(ICheckpointFiles files, CheckpointReader reader)
{
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromMilliseconds(10), s_longestPause = TimeSpan.FromSeconds(1);

    /// <summary>Tells the lead that a writer's slices are written and verified.</summary>
    public void Report(SharedSave save, int writer, Manifest written) => Write(save, SharedSave.ReportOf(writer), written.ToBytes());

    /// <summary>Tells the lead why they are not, so that it need not wait. If that does not work either, it waits.</summary>
    public void TryComplain(SharedSave save, int writer, string problem)
    {
        try
        {
            Write(save, SharedSave.ComplaintOf(writer), Encoding.UTF8.GetBytes(problem));
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
        }
    }

    /// <summary>Waits until all writers have reported.</summary>
    /// <param name="save">The save; the caller's own slices are noted.</param>
    /// <param name="patience">How long to wait for the next file.</param>
    /// <param name="callOff">Ends the waiting.</param>
    /// <exception cref="SaveAbandonedException">Somebody has failed, or does not come on, or the save was called off.</exception>
    public void AwaitReports(SharedSave save, TimeSpan patience, CancellationToken callOff)
    {
        (int seen, long progressed, TimeSpan pause) = (0, TimeProvider.System.GetTimestamp(), s_shortestPause);
        while (true)
        {
            // Asked before the look: what was complete when the save was called off is not thrown away.
            bool isCalledOff = callOff.IsCancellationRequested;
            IReadOnlyList<string> there = files.Files(save.Folder);
            if (there.Count > seen) (seen, progressed, pause) = (there.Count, TimeProvider.System.GetTimestamp(), s_shortestPause);
            foreach (int writer in save.Missing)
                if (there.Contains(SharedSave.ReportOf(writer))) save.Take(writer, ReadReport(save, writer));
                else if (there.Contains(SharedSave.ComplaintOf(writer))) throw save.Abandoned(ReadComplaint(save, writer), isCalledOff: false);
            if (save.Missing.Count == 0) return;
            save.GiveUpIfHopeless(isCalledOff, TimeProvider.System.GetElapsedTime(progressed), patience);
            callOff.WaitHandle.WaitOne(pause);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }

    /// <summary>Removes folders of shared saves that are over, whole or not. Nothing depends on it, and a late writer may be at work in one.</summary>
    public void TryRemove(Func<string, bool> isOver)
    {
        try
        {
            foreach (string folder in files.Folders())
                if (SharedSave.IsFolder(folder) && isOver(folder)) files.DeleteFolder(folder);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
        }
    }

    private Manifest ReadReport(SharedSave save, int writer)
    {
        try
        {
            return reader.ReadManifest(save.Folder, SharedSave.ReportOf(writer));
        }
        catch (SpikeformerException error)
        {
            throw save.Abandoned(error.What, isCalledOff: false);
        }
    }

    private string ReadComplaint(SharedSave save, int writer)
    {
        using var text = new StreamReader(files.OpenRead(save.Folder, SharedSave.ComplaintOf(writer)));
        return text.ReadToEnd();
    }

    private void Write(SharedSave save, string file, byte[] bytes) => files.Write(save.Folder, file, stream => stream.Write(bytes));
}
