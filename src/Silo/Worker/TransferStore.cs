using System.Runtime.InteropServices;
using Spikeformer.Checkpoints;
using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker;

/// <summary>A copy of the whole training state at a commit boundary.</summary>
/// <param name="Counters">What it counts.</param>
/// <param name="Progress">Averages of the epoch under way and the evaluations.</param>
/// <param name="Recent">Lines of the last steps.</param>
/// <param name="Tensors">Weights, statistics and optimizer state in canonical order.</param>
internal sealed record StateCopy(StateCounters Counters, ProgressState Progress, IReadOnlyList<StepLine> Recent, IReadOnlyList<StateTensor> Tensors);

/// <summary>
/// What a member lends to those who follow: a copy of its state, and the reduced vectors of the steps since. The compute thread fills it at
/// commit boundaries; nothing is copied while nobody follows.
/// </summary>
internal sealed class TransferStore : IDisposable
{
    /// <summary>Bytes of reduced vectors that are kept for followers.</summary>
    private const long MaxBytes = 256L << 20;

    private readonly object _gate = new();
    private readonly SortedDictionary<long, byte[]> _reduced = [];
    private StateCopy? _state;
    private (long Step, byte[] Vector) _last = (-1, []);
    private bool _isStateWanted, _isClosed;
    private int _followers;

    /// <summary>Whether somebody waits for a copy of the state; asked at every boundary.</summary>
    public bool IsStateWanted
    {
        get
        {
            lock (_gate) return _isStateWanted;
        }
    }

    /// <summary>Lends a copy of the state.</summary>
    public void Lend(StateCopy state)
    {
        lock (_gate)
        {
            (_state, _isStateWanted) = (state, false);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Lends the reduced vector of the last committed step until <see cref="Forget"/>.</summary>
    public void LendLast(long step, ReadOnlySpan<byte> vector)
    {
        lock (_gate)
        {
            _last = (step, vector.ToArray());
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Lends the reduced vector of a committed step, if anybody follows.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="vector">Its bytes; copied.</param>
    public void Lend(long step, ReadOnlySpan<byte> vector)
    {
        lock (_gate)
        {
            if (_followers == 0) return;
            _reduced[step] = vector.ToArray();
            while (_reduced.Count > 2 && (long)_reduced.Count * vector.Length > MaxBytes) _reduced.Remove(_reduced.First().Key);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits for a copy of the state.</summary>
    /// <param name="leastStep">The copy must have at least so many committed steps; negative asks for a new one at the next boundary.</param>
    /// <returns>The copy, or null when the member has left its generation.</returns>
    public StateCopy? AwaitState(long leastStep)
    {
        lock (_gate)
        {
            if (leastStep < 0) (_state, leastStep) = (null, 0);
            while (!(_state?.Counters.Step >= leastStep) && !_isClosed)
            {
                _isStateWanted = true;
                Monitor.Wait(_gate);
            }
            return _isClosed ? null : _state;
        }
    }

    /// <summary>Lends copy and last vector no longer.</summary>
    public void Forget()
    {
        lock (_gate) (_state, _last) = (null, (-1, []));
    }

    /// <summary>Waits until a step is committed.</summary>
    /// <returns>Its reduced vector; empty when it is not kept any more; null when the member has left its generation before it.</returns>
    public byte[]? AwaitReduced(long step)
    {
        lock (_gate)
        {
            while (true)
            {
                if (_last.Step == step) return _last.Vector;
                if (_reduced.TryGetValue(step, out byte[]? vector)) return vector;
                if (_reduced.Count > 0 && _reduced.First().Key > step) return [];
                if (_isClosed) return null;
                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Counts a follower in; from now on reduced vectors are kept.</summary>
    public IDisposable Follow()
    {
        lock (_gate) _followers++;
        return new Follower(this);
    }

    /// <summary>The member leaves its generation: whoever waits gets nothing more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }
    }

    private sealed class Follower(TransferStore store) : IDisposable
    {
        public void Dispose()
        {
            lock (store._gate)
                if (--store._followers == 0) store._reduced.Clear();
        }
    }
}
