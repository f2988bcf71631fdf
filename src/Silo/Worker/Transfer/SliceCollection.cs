namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>A state under collection, in slices from several members: the slices that are needed, those that have arrived, and the members that were asked
/// for the others. The hash of its bytes identifies a slice. One that came from a lost member, in an earlier generation, or with a state that is no longer
/// lent is therefore not fetched again if it is still needed. Pure; not for several threads at once.</summary>
internal sealed class SliceCollection(StateSlices slices)
{
    private readonly Dictionary<UInt128, byte[]> _held = [];
    private readonly Dictionary<UInt128, long> _bytes = [];
    private readonly Dictionary<UInt128, string> _asked = [];
    private readonly Dictionary<string, HashSet<UInt128>> _offers = [];
    private readonly SortedDictionary<string, int> _fetched = new(StringComparer.Ordinal);
    private SliceTable? _table;

    /// <summary>Committed steps of the collected state; null until a first one is offered.</summary>
    public long? Step => _table?.Step;

    /// <summary>Whether all slices have arrived.</summary>
    public bool IsComplete => _table is not null && _held.Count == _bytes.Count;

    /// <summary>Count of slices that have arrived.</summary>
    public int Held => _held.Count;

    /// <summary>Count of slices from each member since the last <see cref="Clear"/>.</summary>
    public IReadOnlyDictionary<string, int> Fetched => _fetched;

    /// <summary>Count of slices with wrong bytes since the last <see cref="Clear"/>.</summary>
    public int Refused { get; private set; }

    /// <summary>Takes in the offer of a member that lends a state. The first offer decides which state is collected, and drops all slices of other states. A
    /// later one adds a member to ask for the slices that both states share.</summary>
    /// <returns>Whether the state has the collected step.</returns>
    /// <exception cref="InvalidDataException">The state is cut into another number of slices.</exception>
    public bool Offer(string donor, SliceTable table)
    {
        if (table.Hashes.Count != slices.Count)
            throw new InvalidDataException($"Received a state of {table.Hashes.Count} slices instead of {slices.Count}");
        if (_table is null) Collect(table);
        if (_table!.Step != table.Step) return false;
        _offers[donor] = [.. table.Hashes];
        return true;
    }

    /// <summary>The slice to ask a member for next: one that it lends, that is missing, and that no other member was asked for. Null when there is
    /// none.</summary>
    public (UInt128 Hash, long Bytes)? Next(string donor)
    {
        if (_table is null || !_offers.TryGetValue(donor, out HashSet<UInt128>? offer)) return null;
        foreach (UInt128 hash in _table.Hashes)
        {
            if (_held.ContainsKey(hash) || _asked.ContainsKey(hash) || !offer.Contains(hash)) continue;
            _asked.Add(hash, donor);
            return (hash, _bytes[hash]);
        }
        return null;
    }

    /// <summary>Whether a member lends a missing slice, even if another was asked for it: that member may be lost.</summary>
    public bool CanHelp(string donor) => _offers.TryGetValue(donor, out HashSet<UInt128>? offer) && _bytes.Keys.Any(hash => !_held.ContainsKey(hash) && offer.Contains(hash));

    /// <summary>Adds a slice from the member that was asked for it.</summary>
    /// <returns>False when its bytes do not match the hash: that member is not asked for it again.</returns>
    public bool Add(string donor, UInt128 hash, byte[] bytes)
    {
        if (StateSlices.Hash([bytes]) != hash)
        {
            Refused++;
            MarkMissing(donor, hash);
            return false;
        }
        _asked.Remove(hash);
        _held.Add(hash, bytes);
        _fetched[donor] = _fetched.GetValueOrDefault(donor) + 1;
        return true;
    }

    /// <summary>Notes that a member no longer has the slice that it was asked for.</summary>
    public void MarkMissing(string donor, UInt128 hash)
    {
        _asked.Remove(hash);
        _offers[donor].Remove(hash);
    }

    /// <summary>Drops a lost member: other members are asked for its slices.</summary>
    public void DropDonor(string donor)
    {
        _offers.Remove(donor);
        foreach (UInt128 hash in _asked.Where(asked => asked.Value == donor).Select(asked => asked.Key).ToArray()) _asked.Remove(hash);
    }

    /// <summary>Drops all members. Collects the same state when it is offered again.</summary>
    public void DropDonors()
    {
        _offers.Clear();
        _asked.Clear();
    }

    /// <summary>Gives up the collected state, and takes the next one that is offered. The slices stay until then.</summary>
    public void Restart()
    {
        DropDonors();
        _table = null;
    }

    /// <summary>Takes the complete state out.</summary>
    /// <exception cref="InvalidOperationException">The state is not complete.</exception>
    public StateCopy Take()
    {
        if (!IsComplete) throw new InvalidOperationException($"{_held.Count} of {_bytes.Count} slices have arrived.");
        SliceTable table = _table!;
        var copy = new StateCopy(table.Counters, table.Progress, table.Recent, slices.Join([.. table.Hashes.Select(hash => _held[hash])]));
        Restart();
        // They are as large as the state, and of little use for the next one: each step changes nearly all slices.
        _held.Clear();
        return copy;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Restart();
        _held.Clear();
        _bytes.Clear();
        _fetched.Clear();
        Refused = 0;
    }

    private void Collect(SliceTable table)
    {
        _table = table;
        _bytes.Clear();
        // Slices with equal bytes, such as moments that are still zero, count as one.
        for (int i = 0; i < slices.Count; i++) _bytes[table.Hashes[i]] = slices.Bytes(i);
        foreach (UInt128 hash in _held.Keys.Where(hash => !_bytes.ContainsKey(hash)).ToArray()) _held.Remove(hash);
    }
}
