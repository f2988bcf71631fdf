using Spikeformer.Runs;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>
/// Log lines of the last committed steps. All members have them, including learners and newcomers, so that a new lead can complete the log of a former
/// lead that was lost, or that was frozen while it held the log.
/// </summary>
internal sealed class RecentSteps
{
    private const int MaxLines = 1024;

    private readonly Queue<StepLine> _lines = [];

    /// <summary>The lines, ascending by step.</summary>
    public IReadOnlyList<StepLine> Lines => [.. _lines];

    /// <summary>Adds the line of a committed step.</summary>
    /// <param name="line">The line.</param>
    /// <param name="mustKeep">Whether no member can log at present, so that no line may be dropped.</param>
    public void Add(StepLine line, bool mustKeep = false)
    {
        _lines.Enqueue(line);
        while (_lines.Count > MaxLines && !mustKeep) _lines.Dequeue();
    }

    /// <summary>Takes over another member's lines.</summary>
    public void Take(IReadOnlyList<StepLine> lines)
    {
        _lines.Clear();
        foreach (StepLine line in lines) _lines.Enqueue(line);
    }

    /// <summary>Drops all lines: they were wrong.</summary>
    public void Forget() => _lines.Clear();
}
