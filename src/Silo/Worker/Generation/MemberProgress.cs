using Spikeformer.Collectives.Heartbeats;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>Stages of a step, in order. The values travel to peers; those between two stages count exchanges within a stage.</summary>
internal enum Stage
{
    /// <summary>Evaluates before the step.</summary>
    Evaluate = 0,
    /// <summary>Forward and backward.</summary>
    Compute = 1 << 10,
    /// <summary>Waits for the all-reduce.</summary>
    Reduce = 1 << 20,
}

/// <summary>Announces this member's progress to its peers: a live process may have a stuck compute thread. A member suspects a peer that stays behind for a
/// multiple of its own time for a stage. No one has to know in advance how long a step takes.</summary>
internal sealed class MemberProgress(HeartbeatLoop pulse, TimeProvider time)
{
    private const int Patience = 10;

    // A busy machine, or a disk that flushes its cache, may delay a sound member by as much.
    private static readonly TimeSpan LeastLimit = TimeSpan.FromSeconds(5);

    private long _step, _since;
    private int _reached;
    private TimeSpan _longest;

    /// <summary>Enters a stage of a step: begins to work on it, or, in the all-reduce, waits for the others.</summary>
    public void Enter(long step, Stage stage)
    {
        if (stage is Stage.Reduce) Reach((int)stage);
        else
        {
            (_step, _reached, _since) = (step, (int)stage, time.GetTimestamp());
            pulse.Report(_step, _reached);
        }
    }

    /// <summary>Waits for the others in the next exchange of the stage.</summary>
    public void ReachExchange() => Reach(_reached + 1);

    private void Reach(int reached)
    {
        TimeSpan taken = time.GetElapsedTime(_since);
        if (taken > _longest) pulse.ProgressLimit = LeastLimit + Patience * (_longest = taken);
        _reached = reached;
        pulse.Report(_step, _reached);
    }
}
