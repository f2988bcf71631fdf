namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>
/// What a worker holds of a state that comes in slices from several members: which slices make it up, which of them are here, and who is asked for
/// the others. A slice is known by the hash of its bytes, so what came from a member that is lost, in another generation, or of a state that nobody
/// lends any more is not fetched again where it is wanted still. Pure; not for several threads at once.
/// </summary>
/// <param name="slices">How the state is cut.</param>
internal sealed class SliceCollection(StateSlices slices)
{
    private readonly Dictionary<UInt128, byte[]> _held = [];
    private readonly Dictionary<UInt128, long> _bytes = [];
    private readonly Dictionary<UInt128, string> _asked = [];
    private readonly Dictionary<string, HashSet<UInt128>> _offers = [];
    private readonly SortedDictionary<string, int> _fetched = new(StringComparer.Ordinal);
    private SliceTable? _table;

    /// <summary>Committed steps of the state that is collected; null while any will do.</summary>
    public long? Step => _table?.Step;

    /// <summary>Whether all of it is here.</summary>
    public bool IsComplete => _table is not null && _held.Count == _bytes.Count;

    /// <summary>How many slices of it are here.</summary>
    public int Held => _held.Count;

    /// <summary>How many slices each member has brought since the last <see cref="Clear"/>.</summary>
    public IReadOnlyDictionary<string, int> Fetched => _fetched;

    /// <summary>How many came with other bytes than their names say since the last <see cref="Clear"/>.</summary>
    public int Refused { get; private set; }

    /// <summary>A member lends a state. The first one is collected, and of what is here already only its slices stay; a later one adds somebody to
    /// ask for those slices that the two have in common.</summary>
    /// <returns>Whether it is a state of the step that is collected.</returns>
    /// <exception cref="InvalidDataException">It is cut into another number of slices.</exception>
    public bool Offer(string donor, SliceTable table)
    {
        if (table.Hashes.Count != slices.Count)
            throw new InvalidDataException($"A state of {table.Hashes.Count} slices came instead of {slices.Count}");
        if (_table is null) Want(table);
        if (_table!.Step != table.Step) return false;
        _offers[donor] = [.. table.Hashes];
        return true;
    }

    /// <summary>What to ask a member for next: a slice that it lends, that is not here, and that nobody is asked for; null when there is none.</summary>
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

    /// <summary>Whether a member lends something that is not here yet, even if another is asked for it: that one may be lost.</summary>
    public bool MayHelp(string donor) => _offers.TryGetValue(donor, out HashSet<UInt128>? offer) && _bytes.Keys.Any(hash => !_held.ContainsKey(hash) && offer.Contains(hash));

    /// <summary>A slice came from the member that was asked for it.</summary>
    /// <returns>False when it has other bytes than its name says: that member is not asked for it again.</returns>
    public bool Add(string donor, UInt128 hash, byte[] bytes)
    {
        if (StateSlices.Hash([bytes]) != hash)
        {
            Refused++;
            Miss(donor, hash);
            return false;
        }
        _asked.Remove(hash);
        _held.Add(hash, bytes);
        _fetched[donor] = _fetched.GetValueOrDefault(donor) + 1;
        return true;
    }

    /// <summary>The member that was asked for a slice does not have it any more.</summary>
    public void Miss(string donor, UInt128 hash)
    {
        _asked.Remove(hash);
        _offers[donor].Remove(hash);
    }

    /// <summary>A member is lost: what it was asked for, others are asked for.</summary>
    public void Lose(string donor)
    {
        _offers.Remove(donor);
        foreach (UInt128 hash in _asked.Where(asked => asked.Value == donor).Select(asked => asked.Key).ToArray()) _asked.Remove(hash);
    }

    /// <summary>Asks nobody any more; goes on with the same state when it is offered again.</summary>
    public void LoseAll()
    {
        _offers.Clear();
        _asked.Clear();
    }

    /// <summary>Nobody lends that state any more: the next one that is offered is collected. What is here stays until then.</summary>
    public void Restart()
    {
        LoseAll();
        _table = null;
    }

    /// <summary>The whole state; the next one that is offered is collected.</summary>
    /// <exception cref="InvalidOperationException">It is not complete.</exception>
    public StateCopy Take()
    {
        if (!IsComplete) throw new InvalidOperationException($"{_held.Count} of {_bytes.Count} slices are here.");
        SliceTable table = _table!;
        var copy = new StateCopy(table.Counters, table.Progress, table.Recent, slices.Join([.. table.Hashes.Select(hash => _held[hash])]));
        Restart();
        // It would be as large as the state, and is of little use for the next one: each step changes nearly all slices.
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

    private void Want(SliceTable table)
    {
        _table = table;
        _bytes.Clear();
        // Slices of equal bytes, such as moments that are all zero yet, are one.
        for (int i = 0; i < slices.Count; i++) _bytes[table.Hashes[i]] = slices.Bytes(i);
        foreach (UInt128 hash in _held.Keys.Where(hash => !_bytes.ContainsKey(hash)).ToArray()) _held.Remove(hash);
    }
}
