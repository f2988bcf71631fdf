namespace Spikeformer.Silo.Worker.Session;

/// <summary>The run's orders to a worker: its newest generation, a stop, a release, events to log. Not for several threads at once.</summary>
internal sealed class MemberOrders
{
    private readonly Queue<ClusterEvent> _events = [];
    private readonly CancellationTokenSource _released = new();
    private CancellationTokenSource _ended = new(), _superseded = new();
    private GenerationPlan? _served;
    private MemberAction _action = MemberAction.Wait;
    private long _lastEvent;

    public GenerationPlan? Newest { get; private set; }

    public bool MustStop => _action is MemberAction.Stop;

    public CancellationToken Released => _released.Token;

    /// <summary>Cancelled when the served generation can commit nothing more, or with <see cref="Released"/>.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Cancelled when the run has a newer generation than the served one, or with <see cref="Released"/>.</summary>
    public CancellationToken Superseded => _superseded.Token;

    /// <summary>Serves a generation from now on, as its voter or its learner.</summary>
    public void Serve(GenerationPlan plan)
    {
        _served = plan;
        _ended.Dispose();
        _superseded.Dispose();
        _ended = CancellationTokenSource.CreateLinkedTokenSource(_released.Token);
        _superseded = CancellationTokenSource.CreateLinkedTokenSource(_released.Token);
    }

    public void Take(MemberOrder order)
    {
        _action = order.Action;
        if (!order.IsPlanKnown) Newest = order.Plan;
        foreach (ClusterEvent what in order.Events.Where(what => what.Sequence > _lastEvent))
        {
            _events.Enqueue(what);
            _lastEvent = what.Sequence;
        }
        if (_action is MemberAction.Release) _released.Cancel();
    }

    /// <summary>Takes the events to append to the run's log, in order.</summary>
    public IReadOnlyList<ClusterEvent> TakeEvents()
    {
        ClusterEvent[] events = [.. _events];
        _events.Clear();
        return events;
    }

    /// <summary>The generation to serve after the known one; null while there is none.</summary>
    public GenerationPlan? After(GenerationPlan? known) => Newest is { } plan && !plan.IsSameAs(known) && _action is not MemberAction.Wait ? plan : null;

    /// <summary>Cancels the served generation's tokens if a newer one has taken its place.</summary>
    /// <param name="isConnecting">Whether its members are not connected yet: since they may never be, any newer generation ends it then.</param>
    /// <returns>Whether it ended.</returns>
    public bool EndIfOver(bool isConnecting)
    {
        if (_served is not { } served || served.IsSameAs(Newest)) return false;
        _superseded.Cancel();
        bool isSealed = Newest is null || Newest.SealedThrough >= served.Number;
        if (!isSealed && !isConnecting) return false;
        _ended.Cancel();
        return true;
    }
}
