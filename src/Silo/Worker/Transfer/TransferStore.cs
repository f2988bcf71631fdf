using static Spikeformer.Silo.Worker.Transfer.StateWire.Answer;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>A member's progress, and the copy to ask it for.</summary>
/// <param name="Committed">Committed steps of its state.</param>
/// <param name="Lent">Committed steps of the newest copy that it lends or will make; null when there is none.</param>
internal readonly record struct Position(long Committed, long? Lent);

/// <summary>The copies of its state, and the reduced vectors of the steps since then, that a member lends to workers behind it. The store outlives
/// generations, so that a borrower continues in the next one. The compute thread fills it at commit boundaries and never waits for a borrower. A copy is made
/// only on request, at the requested step, and freed when no borrower needs it any more.</summary>
/// <param name="time">Monotonic clock.</param>
/// <param name="sliceBytes">Target bytes of a slice.</param>
internal sealed class TransferStore(TimeProvider time, long sliceBytes = StateSlices.DefaultBytes)
{
    /// <summary>Bytes of reduced vectors that are kept. A borrower that falls further behind copies the state again.</summary>
    private const long MaxBytes = 256L << 20;

    /// <summary>How long the needs of a borrower are remembered after a generation has ended, until it connects again.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly object _gate = new();
    private readonly List<Borrower> _borrowers = [];
    private readonly SortedDictionary<long, LentState> _copies = [];
    // No gaps, up to the last committed step.
    private readonly SortedDictionary<long, LentVector> _vectors = [];
    private long? _committed;
    private UInt128 _digest;
    private (long Step, ProgressState Progress)? _evaluated;

    /// <summary>Count of lent copies.</summary>
    public int Copies { get { lock (_gate) return _copies.Count; } }

    /// <summary>Count of kept reduced vectors.</summary>
    public int Vectors { get { lock (_gate) return _vectors.Count; } }

    // The compute thread lends.

    /// <summary>Begins a generation. The next step is unknown until its members are aligned.</summary>
    /// <param name="members">Incarnations of its voters, who no longer borrow as learners.</param>
    public void Begin(IReadOnlyCollection<ulong> members)
    {
        lock (_gate)
        {
            _committed = null;
            _borrowers.RemoveAll(borrower => members.Contains(borrower.Incarnation));
        }
    }

    /// <summary>Lends a copy of the state to members that are behind, while they align.</summary>
    public void Lend(long step, Func<StateCopy> copy)
    {
        lock (_gate)
        {
            if (!_copies.ContainsKey(step)) _copies[step] = new(copy(), sliceBytes);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Lends the reduced vector of the last committed step to members that missed it, while they align.</summary>
    public void Lend(long step, ReadOnlySpan<byte> vector)
    {
        lock (_gate)
        {
            if (!_vectors.ContainsKey(step))
            {
                _vectors.Clear();
                // No digest to check: members compare their states afterwards.
                _vectors[step] = new(null, vector.ToArray());
            }
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Lends on from the state that the members have aligned to.</summary>
    public void Aligned(long step, UInt128 digest, Func<StateCopy> copy)
    {
        lock (_gate)
        {
            // This member may have missed steps, and never had their vectors.
            if (_vectors.Count > 0 && _vectors.Last().Key != step - 1) _vectors.Clear();
            Committed(step, digest, copy);
        }
    }

    /// <summary>Lends a committed step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="digest">The step digest after it.</param>
    /// <param name="vector">Its reduced vector; copied only if a borrower needs it.</param>
    /// <param name="copy">Makes a copy of the state after the step, if one is requested.</param>
    public void Commit(long step, UInt128 digest, ReadOnlySpan<byte> vector, Func<StateCopy> copy)
    {
        lock (_gate)
        {
            if (_borrowers.Exists(borrower => borrower.Needs <= step)) _vectors[step] = new(_digest, vector.ToArray());
            else _vectors.Clear();
            Committed(step + 1, digest, copy);
        }
    }

    /// <summary>Lends the result of an evaluation, in which learners take no part.</summary>
    public void Evaluated(long step, ProgressState progress)
    {
        lock (_gate)
        {
            _evaluated = (step, progress);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Ends the generation: waiting borrowers get no more answers. Their needs are remembered until they connect again.</summary>
    public void End()
    {
        lock (_gate)
        {
            foreach (Borrower borrower in _borrowers) borrower.LeftAt ??= time.GetTimestamp();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Stops lending: the state was wrong, or this worker no longer votes.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            (_committed, _evaluated) = (null, null);
            _borrowers.RemoveAll(borrower => borrower.LeftAt is not null);
            _copies.Clear();
            _vectors.Clear();
        }
    }

    // Threads that serve one borrower each. A request tells what the borrower still needs. Requests wait for as long as their patience, fill their result
    // if the answer is Here, and return null once the generation has ended.

    /// <summary>Admits a borrower.</summary>
    public Borrower Admit(ulong incarnation)
    {
        var borrower = new Borrower(incarnation);
        lock (_gate)
        {
            // Until its first request, its needs are those of the generation before.
            Borrower[] before = [.. _borrowers.Where(one => one.Incarnation == incarnation && one.LeftAt is not null)];
            if (before.MinBy(one => one.Needs) is { } needy) (borrower.Needs, borrower.NeedsCopy) = (needy.Needs, needy.NeedsCopy);
            _borrowers.RemoveAll(before.Contains);
            _borrowers.Add(borrower);
        }
        return borrower;
    }

    /// <summary>Removes a borrower that has disconnected by itself.</summary>
    public void Remove(Borrower borrower)
    {
        lock (_gate)
        {
            if (borrower.LeftAt is not null) return;
            _borrowers.Remove(borrower);
            Trim();
        }
    }

    /// <summary>Waits until this member knows its position.</summary>
    public Answer? AwaitPosition(Borrower borrower, TimeSpan patience, out Position position)
    {
        lock (_gate)
        {
            position = default;
            if (_committed is null) Monitor.Wait(_gate, patience);
            if (borrower.LeftAt is not null) return null;
            if (_committed is not { } committed) return Aligning;
            long[] lent = [.. _copies.Keys, .. _borrowers.Where(one => one.NeedsCopy && one.Needs > committed).Select(one => one.Needs)];
            position = new(committed, lent.Length == 0 ? null : lent.Max());
            return Here;
        }
    }

    /// <summary>Waits for a copy of a state, which is made when this member reaches its step.</summary>
    public Answer? AwaitCopy(Borrower borrower, long step, TimeSpan patience, out LentState? state)
    {
        return Await(borrower, step, needsCopy: true, patience, Find, out state);

        Answer Find(out LentState? found)
        {
            if (_copies.TryGetValue(step, out found)) return Here;
            return _committed is not { } committed ? Aligning : committed < step ? Waiting : Gone;
        }
    }

    /// <summary>The lent copy of a state, or null.</summary>
    public LentState? Copy(long step)
    {
        lock (_gate) return _copies.GetValueOrDefault(step);
    }

    /// <summary>Waits for the reduced vector of the step that follows on the borrower's state. A state of the same step with another digest, from before a
    /// rewind, cannot continue from here.</summary>
    public Answer? AwaitReduced(Borrower borrower, long step, UInt128 digest, TimeSpan patience, out byte[]? vector)
    {
        return Await(borrower, step, needsCopy: false, patience, Find, out vector);

        Answer Find(out byte[]? found)
        {
            found = null;
            if (_vectors.TryGetValue(step, out LentVector? lent))
            {
                if (lent.Follows is { } before && before != digest) return Gone;
                found = lent.Bytes;
                return Here;
            }
            if (_committed is not { } committed) return Aligning;
            // A borrower may be one step ahead of this member, with a vector from another.
            return step < committed || step > committed + 1 || step == committed && digest != _digest ? Gone : Waiting;
        }
    }

    /// <summary>Waits for the evaluation of the epoch that ended with a state.</summary>
    public Answer? AwaitEvaluation(Borrower borrower, long step, TimeSpan patience, out ProgressState? progress)
    {
        return Await(borrower, step, needsCopy: false, patience, Find, out progress);

        Answer Find(out ProgressState? found)
        {
            found = _evaluated is { } known && known.Step == step ? known.Progress : null;
            if (found is not null) return Here;
            return _committed is not { } committed ? Aligning : committed <= step ? Waiting : Gone;
        }
    }

    private delegate Answer Search<T>(out T? found);

    /// <summary>Searches, and if the result may still arrive, waits and searches once more.</summary>
    private Answer? Await<T>(Borrower borrower, long step, bool needsCopy, TimeSpan patience, Search<T> find, out T? found) where T : class
    {
        lock (_gate)
        {
            (borrower.Needs, borrower.NeedsCopy) = (step, needsCopy);
            Trim();
            if (find(out found) is Waiting or Aligning) Monitor.Wait(_gate, patience);
            Answer answer = find(out found);
            if (answer is Gone) (borrower.Needs, borrower.NeedsCopy) = (long.MaxValue, false);
            return borrower.LeftAt is null ? answer : null;
        }
    }

    private void Committed(long step, UInt128 digest, Func<StateCopy> copy)
    {
        if (_borrowers.Exists(borrower => borrower.NeedsCopy && borrower.Needs == step) && !_copies.ContainsKey(step)) _copies[step] = new(copy(), sliceBytes);
        (_committed, _digest) = (step, digest);
        Trim();
        Monitor.PulseAll(_gate);
    }

    /// <summary>Frees copies and vectors that no borrower needs, and copies without the vectors of all steps since then.</summary>
    private void Trim()
    {
        // Members that align keep all that they lend each other.
        if (_committed is not { } committed) return;
        _borrowers.RemoveAll(borrower => borrower.LeftAt is { } left && time.GetElapsedTime(left) > Grace);
        long needed = _borrowers.Count == 0 ? long.MaxValue : _borrowers.Min(borrower => borrower.Needs);
        while (_vectors.Count > 0 && (_vectors.First().Key < needed || _vectors.Count > 2 && _vectors.Count * (long)_vectors.First().Value.Bytes.Length > MaxBytes))
            _vectors.Remove(_vectors.First().Key);
        long oldest = _vectors.Count == 0 ? committed : _vectors.First().Key;
        foreach (long step in _copies.Keys.Where(step => step < oldest || !_borrowers.Exists(borrower => borrower.NeedsCopy && borrower.Needs == step)).ToArray())
            _copies.Remove(step);
    }

    private sealed record LentVector(UInt128? Follows, byte[] Bytes);
}
