using Spikeformer.Collectives.Heartbeats;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>Stages of a step in their order. Between two of them a member may get to exchanges with the others.</summary>
internal enum Stage
{
    /// <summary>Evaluates before the step.</summary>
    Evaluate = 0,
    /// <summary>Forward and backward.</summary>
    Compute = 1 << 10,
    /// <summary>In the all-reduce.</summary>
    Reduce = 1 << 20,
}

/// <summary>
/// How far this member is, for its peers: a live process may have a stuck compute thread. A member takes others for stuck when they are behind
/// it for a multiple of what it takes itself, so nobody has to know beforehand how long a step is.
/// </summary>
/// <param name="pulse">Tells the peers, and watches them.</param>
/// <param name="time">Monotonic clock.</param>
internal sealed class MemberProgress(HeartbeatLoop pulse, TimeProvider time)
{
    private const int Patience = 10;

    // A thread on a busy machine, or a disk that writes what was cached, may keep a sound member for so long.
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
