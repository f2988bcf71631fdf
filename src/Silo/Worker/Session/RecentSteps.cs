namespace Spikeformer.Silo.Worker.Session;

/// <summary>Log lines of the last committed steps. All members have them, including learners and newcomers, so that a new lead can complete the log of a
/// former lead that was lost, or that was frozen while it held the log.</summary>
internal sealed class RecentSteps
{
    private const int MaxLines = 1024;

    private readonly Queue<StepLine> _lines = [];

    public IReadOnlyList<StepLine> Lines => [.. _lines];

    /// <summary>Adds a line, and drops old ones unless no member can log at present.</summary>
    public void Add(StepLine line, bool mustKeep = false)
    {
        _lines.Enqueue(line);
        while (_lines.Count > MaxLines && !mustKeep) _lines.Dequeue();
    }

    public void Take(IReadOnlyList<StepLine> lines)
    {
        _lines.Clear();
        foreach (StepLine line in lines) _lines.Enqueue(line);
    }

    /// <summary>Drops all lines: they were wrong.</summary>
    public void Forget() => _lines.Clear();
}
