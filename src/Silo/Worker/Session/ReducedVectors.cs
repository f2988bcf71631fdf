using Spikeformer.Network;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>The result buffers of the all-reduce. The vector of the last committed step stays until the step after the next begins: a member that missed the
/// end of the step gets it, and the step is not computed again. Two buffers suffice, since no step ends without all members.</summary>
internal sealed class ReducedVectors(StateLayout layout) : IDisposable
{
    private readonly StepVector?[] _vectors = new StepVector?[2];
    private long _committed = -1;

    /// <summary>The buffer of a step. The vector of the step before stays valid.</summary>
    public StepVector For(long step) => _vectors[step & 1] ??= new(layout);

    /// <summary>Notes that a step is committed.</summary>
    public void Committed(long step) => _committed = step;

    /// <summary>The vector of a step if it is the last committed one, else null.</summary>
    public StepVector? Of(long step) => step >= 0 && step == _committed ? _vectors[step & 1] : null;

    /// <summary>Drops the last vector, which cannot be trusted.</summary>
    public void Forget() => _committed = -1;

    public void Dispose()
    {
        foreach (StepVector? vector in _vectors) vector?.Dispose();
    }
}
