using Spikeformer.Runs;
using static Spikeformer.Silo.Worker.Transfer.StateWire.Answer;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;

namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>How far a member is.</summary>
/// <param name="Committed">Committed steps of its state.</param>
/// <param name="Lent">Committed steps of the newest copy that it lends or is going to make; null when there is none.</param>
internal readonly record struct Position(long Committed, long? Lent);

/// <summary>
/// What a member lends to those who follow: copies of its state, and the reduced vectors of the steps since. It lasts through generations, so that
/// a follower goes on in the next one where it was. The compute thread fills it at commit boundaries, and waits for nobody; a copy is made when
/// it is asked for, at the step that was asked for, and goes when no follower needs it any more.
/// </summary>
/// <param name="time">Clock.</param>
/// <param name="sliceBytes">Wanted bytes of a slice.</param>
internal sealed class TransferStore(TimeProvider time, long sliceBytes = StateSlices.DefaultBytes)
{
    /// <summary>Bytes of reduced vectors that are kept for followers. Who comes too late copies the state again.</summary>
    private const long MaxBytes = 256L << 20;

    /// <summary>How long what a follower needs is kept from the end of a generation until it is here again.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly object _gate = new();
    private readonly List<Follower> _followers = [];
    private readonly SortedDictionary<long, LentState> _copies = [];
    // Without gaps, up to the last committed step.
    private readonly SortedDictionary<long, LentVector> _vectors = [];
    private long? _committed;
    private UInt128 _digest;
    private (long Step, ProgressState Progress)? _evaluated;

    /// <summary>How many copies are lent.</summary>
    public int Copies
    {
        get
        {
            lock (_gate) return _copies.Count;
        }
    }

    /// <summary>How many reduced vectors are kept.</summary>
    public int Vectors
    {
        get
        {
            lock (_gate) return _vectors.Count;
        }
    }

    // The compute thread's side.

    /// <summary>A generation begins: until its members are aligned nobody knows which step is the next.</summary>
    /// <param name="members">Its voters' incarnations; who followed before and is a voter now follows no more.</param>
    public void Begin(IReadOnlyCollection<ulong> members)
    {
        lock (_gate)
        {
            _committed = null;
            _followers.RemoveAll(follower => members.Contains(follower.Incarnation));
        }
    }

    /// <summary>Lends a copy of the state to members that are behind, while they align.</summary>
    /// <param name="step">Its committed steps.</param>
    /// <param name="copy">Makes it.</param>
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
                // Unchecked: members compare their states afterwards.
                _vectors[step] = new(null, vector.ToArray());
            }
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The members are aligned, and steps follow on this state.</summary>
    /// <param name="step">Its committed steps.</param>
    /// <param name="digest">Its step digest.</param>
    /// <param name="copy">Makes a copy of it, if one is wanted.</param>
    public void Aligned(long step, UInt128 digest, Func<StateCopy> copy)
    {
        lock (_gate)
        {
            // This member may have missed steps whose vectors it never had.
            if (_vectors.Count > 0 && _vectors.Last().Key != step - 1) _vectors.Clear();
            Committed(step, digest, copy);
        }
    }

    /// <summary>A step is committed.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="digest">The step digest with it.</param>
    /// <param name="vector">Its reduced vector; copied if anybody follows.</param>
    /// <param name="copy">Makes a copy of the state after the step, if one is wanted.</param>
    public void Commit(long step, UInt128 digest, ReadOnlySpan<byte> vector, Func<StateCopy> copy)
    {
        lock (_gate)
        {
            if (_followers.Exists(follower => follower.Needs <= step)) _vectors[step] = new(_digest, vector.ToArray());
            else _vectors.Clear();
            Committed(step + 1, digest, copy);
        }
    }

    /// <summary>An epoch was evaluated, which followers have no part in.</summary>
    /// <param name="step">Committed steps at its end.</param>
    /// <param name="progress">What came of it.</param>
    public void Evaluated(long step, ProgressState progress)
    {
        lock (_gate)
        {
            _evaluated = (step, progress);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The generation is over: whoever waits gets nothing more. What its followers need is kept until they are here again.</summary>
    public void End()
    {
        lock (_gate)
        {
            foreach (Follower follower in _followers) follower.LeftAt ??= time.GetTimestamp();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Lends nothing any more: the state was wrong, or this worker is no voter now.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            (_committed, _evaluated) = (null, null);
            _followers.RemoveAll(follower => follower.LeftAt is not null);
            _copies.Clear();
            _vectors.Clear();
        }
    }

    // The side of those who serve followers, each on a thread of its own. Who asks says by that what it still needs.

    /// <summary>Counts a follower in.</summary>
    /// <param name="incarnation">Which worker's life it is.</param>
    public Follower Follow(ulong incarnation)
    {
        var follower = new Follower(incarnation);
        lock (_gate)
        {
            // Until it says something else, it needs what it needed in the generation before.
            Follower[] before = [.. _followers.Where(one => one.Incarnation == incarnation && one.LeftAt is not null)];
            if (before.MinBy(one => one.Needs) is { } needy) (follower.Needs, follower.NeedsCopy) = (needy.Needs, needy.NeedsCopy);
            _followers.RemoveAll(before.Contains);
            _followers.Add(follower);
        }
        return follower;
    }

    /// <summary>A follower has gone by itself, and needs nothing more.</summary>
    public void Leave(Follower follower)
    {
        lock (_gate)
        {
            if (follower.LeftAt is not null) return;
            _followers.Remove(follower);
            Trim();
        }
    }

    /// <summary>How far this member is.</summary>
    /// <param name="follower">Who asks.</param>
    /// <param name="patience">How long to wait until that is known.</param>
    /// <param name="position">The answer, for <see cref="Here"/>.</param>
    /// <returns><see cref="Here"/> or <see cref="Aligning"/>; null once the generation is over.</returns>
    public Answer? Await(Follower follower, TimeSpan patience, out Position position)
    {
        lock (_gate)
        {
            position = default;
            if (_committed is null) Monitor.Wait(_gate, patience);
            if (follower.LeftAt is not null) return null;
            if (_committed is not { } committed) return Aligning;
            long[] lent = [.. _copies.Keys, .. _followers.Where(one => one.NeedsCopy && one.Needs > committed).Select(one => one.Needs)];
            position = new(committed, lent.Length == 0 ? null : lent.Max());
            return Here;
        }
    }

    /// <summary>A copy of the state with so many committed steps, which is made when this member comes there.</summary>
    /// <param name="follower">Who asks.</param>
    /// <param name="step">Committed steps.</param>
    /// <param name="patience">How long to wait for it.</param>
    /// <param name="state">The copy, for <see cref="Here"/>.</param>
    /// <returns>What there is; null once the generation is over.</returns>
    public Answer? AwaitCopy(Follower follower, long step, TimeSpan patience, out LentState? state)
    {
        return Await(follower, step, needsCopy: true, patience, Find, out state);

        Answer Find(out LentState? found)
        {
            if (_copies.TryGetValue(step, out found)) return Here;
            return _committed is not { } committed ? Aligning : committed < step ? Waiting : Gone;
        }
    }

    /// <summary>A copy that is lent, or null.</summary>
    public LentState? Copy(long step)
    {
        lock (_gate) return _copies.GetValueOrDefault(step);
    }

    /// <summary>The reduced vector of the step that follows on a state.</summary>
    /// <param name="follower">Who asks: it has that state, and needs no copy any more.</param>
    /// <param name="step">Committed steps of the state.</param>
    /// <param name="digest">Its step digest: a state of the same step that came about in another way, before a rewind, does not go on from here.</param>
    /// <param name="patience">How long to wait for the step.</param>
    /// <param name="vector">The vector, for <see cref="Here"/>.</param>
    /// <returns>What there is; null once the generation is over.</returns>
    public Answer? AwaitReduced(Follower follower, long step, UInt128 digest, TimeSpan patience, out byte[]? vector)
    {
        return Await(follower, step, needsCopy: false, patience, Find, out vector);

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
            // A follower may be one step ahead of this member, which it learned from another.
            return step < committed || step > committed + 1 || step == committed && digest != _digest ? Gone : Waiting;
        }
    }

    /// <summary>What came of the epoch that ended with a state.</summary>
    /// <param name="follower">Who asks: it has that state.</param>
    /// <param name="step">Committed steps of the state.</param>
    /// <param name="patience">How long to wait for the evaluation.</param>
    /// <param name="progress">It, for <see cref="Here"/>.</param>
    /// <returns>What there is; null once the generation is over.</returns>
    public Answer? AwaitEvaluation(Follower follower, long step, TimeSpan patience, out ProgressState? progress)
    {
        return Await(follower, step, needsCopy: false, patience, Find, out progress);

        Answer Find(out ProgressState? found)
        {
            found = _evaluated is { } known && known.Step == step ? known.Progress : null;
            if (found is not null) return Here;
            return _committed is not { } committed ? Aligning : committed <= step ? Waiting : Gone;
        }
    }

    private delegate Answer Search<T>(out T? found);

    /// <summary>Looks for something, and where it may still come, once more when that has had its time.</summary>
    private Answer? Await<T>(Follower follower, long step, bool needsCopy, TimeSpan patience, Search<T> find, out T? found) where T : class
    {
        lock (_gate)
        {
            (follower.Needs, follower.NeedsCopy) = (step, needsCopy);
            Trim();
            if (find(out found) is Waiting or Aligning) Monitor.Wait(_gate, patience);
            Answer answer = find(out found);
            if (answer is Gone) (follower.Needs, follower.NeedsCopy) = (long.MaxValue, false);
            return follower.LeftAt is null ? answer : null;
        }
    }

    private void Committed(long step, UInt128 digest, Func<StateCopy> copy)
    {
        if (_followers.Exists(follower => follower.NeedsCopy && follower.Needs == step) && !_copies.ContainsKey(step)) _copies[step] = new(copy(), sliceBytes);
        (_committed, _digest) = (step, digest);
        Trim();
        Monitor.PulseAll(_gate);
    }

    /// <summary>Frees what nobody needs, and what is of no use any more: a copy without the vectors of all steps since.</summary>
    private void Trim()
    {
        // While members align, what they lend each other stays.
        if (_committed is not { } committed) return;
        _followers.RemoveAll(follower => follower.LeftAt is { } left && time.GetElapsedTime(left) > Grace);
        long needed = _followers.Count == 0 ? long.MaxValue : _followers.Min(follower => follower.Needs);
        while (_vectors.Count > 0 && (_vectors.First().Key < needed || _vectors.Count > 2 && _vectors.Count * (long)_vectors.First().Value.Bytes.Length > MaxBytes))
            _vectors.Remove(_vectors.First().Key);
        long oldest = _vectors.Count == 0 ? committed : _vectors.First().Key;
        foreach (long step in _copies.Keys.Where(step => step < oldest || !_followers.Exists(follower => follower.NeedsCopy && follower.Needs == step)).ToArray())
            _copies.Remove(step);
    }

    /// <summary>A worker that follows this member, and what it needs.</summary>
    /// <param name="incarnation">Which worker's life it is.</param>
    internal sealed class Follower(ulong incarnation)
    {
        public ulong Incarnation => incarnation;

        /// <summary>The oldest state that it asks about: the vectors of the steps since are kept for it.</summary>
        public long Needs { get; set; } = long.MaxValue;

        /// <summary>Whether it needs a copy of that state.</summary>
        public bool NeedsCopy { get; set; }

        /// <summary>When the generation ended in which it followed; null while it is here.</summary>
        public long? LeftAt { get; set; }
    }

    private sealed record LentVector(UInt128? Follows, byte[] Bytes);
}
