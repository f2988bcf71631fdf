using Spikeformer.Silo.Worker.Transfer;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>The part of a run that changes with every step, and that members take over from each other. Belongs to the compute thread.</summary>
internal sealed class MemberState(TrainingState state, StartingWeights weights, int stepsPerEpoch, TimeProvider time) : IDisposable
{
    private SliceCollection? _slices;

    public TrainingState State => state;

    public StartingWeights Weights => weights;

    public TrainingProgress Progress { get; } = new();

    public ReducedVectors Reduced { get; } = new(state.Network.Layout);

    public RecentSteps Recent { get; } = new();

    public KeptSums Kept { get; } = new(StepVector.Length(state.Network.Layout));

    public TransferStore Transfers { get; } = new(time);

    /// <summary>The slices of a state that this worker takes over from others.</summary>
    public SliceCollection Slices => _slices ??= new(new StateSlices([.. state.Snapshot().Select(tensor => tensor.Spec)]));

    /// <summary>Whether an epoch ended with this state, and its evaluation is not known.</summary>
    public bool LacksEvaluation => state.HasBegun && state.Step % stepsPerEpoch == 0 && Progress.Epochs < state.Step / stepsPerEpoch;

    /// <summary>Whether the state was forgotten, and no new one has been compared with the others' yet.</summary>
    public bool IsForgotten { get; private set; }

    public void Forget()
    {
        state.Reset();
        weights.Forget();
        Reduced.Forget();
        Kept.Forget();
        Recent.Forget();
        Transfers.Forget();
        Progress.State = new TrainingProgress().State;
        IsForgotten = true;
    }

    /// <summary>All members hold this state. Steps follow on it, and slices of other states are not needed any more.</summary>
    public void Aligned()
    {
        Evaluated();
        Transfers.Aligned(state.Step, StateWire.Digest(state.Digest), Copy);
        _slices = null;
        IsForgotten = false;
    }

    /// <summary>Lends the newest evaluation to learners.</summary>
    public void Evaluated() => Transfers.Evaluated((long)Progress.Epochs * stepsPerEpoch, Progress.Newest);

    public StateCopy Copy() => new(state.Counters, Progress.State, Recent.Lines, state.Snapshot());

    public void Take(StateCopy copy, string source)
    {
        state.Restore(copy.Counters, copy.Tensors, source);
        weights.Replaced();
        Progress.State = copy.Progress;
        Recent.Take(copy.Recent);
    }

    public void Dispose()
    {
        Reduced.Dispose();
        Kept.Dispose();
        state.Dispose();
    }
}
