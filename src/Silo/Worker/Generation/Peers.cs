using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Heartbeats;
using Spikeformer.Metrics;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>The other members of a generation, known by their heartbeats. A lost peer, or a peer with other bits, ends the generation.</summary>
internal sealed class Peers : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Seat _seat;
    private readonly Group _group;
    private long _alignedStep;

    /// <exception cref="PeerLostException">A member could not be connected.</exception>
    public Peers(Seat seat, Group group, DataListener listener, TimeSpan patience, CancellationToken cancellation)
    {
        (_seat, _group) = (seat, group);
        Pulse = HeartbeatLoop.Connect(group.Plan, listener, new() { Suspected = Suspect, Differed = mismatch => Seal(mismatch) }, patience, cancellation);
        seat.Board.Watch(() => seat.Workers(Pulse.Silent));
    }

    public HeartbeatLoop Pulse { get; }

    /// <summary>Whether the generation ended because members hold different bits, so that no member's state can be trusted.</summary>
    public bool HaveDiverged { get; private set; }

    /// <summary>Notes that all members hold the present state.</summary>
    public void Aligned() => _alignedStep = _seat.State.Step;

    /// <summary>Waits until all members have applied the last step, to the same bits.</summary>
    /// <exception cref="PeerLostException">A member was lost, or holds other bits.</exception>
    public void AwaitApplied()
    {
        if (_seat.State.Step == _alignedStep) return;
        try
        {
            Pulse.WaitAllApplied(_seat.State.Step - 1, Patience);
        }
        catch (DigestMismatchException mismatch)
        {
            throw Seal(mismatch);
        }
        catch (PeerLostException lost)
        {
            throw _group.Abort(lost.PeerLoss.Message, lost.PeerLoss.Suspects);
        }
    }

    /// <summary>Ends the generation because members hold different bits.</summary>
    /// <returns>The exception to throw.</returns>
    public PeerLostException SealDiverged(string message)
    {
        HaveDiverged = true;
        return _group.Abort(message);
    }

    public void Dispose() => Pulse.Dispose();

    private PeerLostException Seal(DigestMismatchException mismatch)
    {
        Catalogue.DigestMismatches.Add();
        return SealDiverged($"{mismatch.What}; suspected: {_group.Plan.Names(mismatch.Suspects)}");
    }

    /// <summary>Ends the generation as soon as a peer is suspected, before its data is missed.</summary>
    private void Suspect(int rank, PeerLossReason reason)
    {
        _group.Abort(_group.Plan.Name(rank) + reason switch
        {
            PeerLossReason.Closed => " closed its connections: the process ended",
            PeerLossReason.Stuck => " is alive, but its computation is stuck",
            _ => " gave no sign of life",
        }, rank);
        _seat.Board.Suspect(_seat.Plan.Members[rank].Worker);
    }
}
