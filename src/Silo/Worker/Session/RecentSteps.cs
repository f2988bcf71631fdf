using Spikeformer.Runs;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>
/// Lines of the steps that were committed last. Every member has them, learners and newcomers too, so that whoever becomes lead can complete the
/// log of one that was lost, or that was frozen and kept others from it.
/// </summary>
internal sealed class RecentSteps
{
    private const int Most = 1024;

    private readonly Queue<StepLine> _lines = [];

    /// <summary>All lines, ascending by step.</summary>
    public IReadOnlyList<StepLine> Lines => [.. _lines];

    /// <summary>A step was committed.</summary>
    /// <param name="line">Its line.</param>
    /// <param name="mustKeep">Whether nobody can log now, so that none may go.</param>
    public void Add(StepLine line, bool mustKeep = false)
    {
        _lines.Enqueue(line);
        while (_lines.Count > Most && !mustKeep) _lines.Dequeue();
    }

    /// <summary>Takes over what another member remembers.</summary>
    public void Take(IReadOnlyList<StepLine> lines)
    {
        _lines.Clear();
        foreach (StepLine line in lines) _lines.Enqueue(line);
    }

    /// <summary>They were wrong.</summary>
    public void Forget() => _lines.Clear();
}
