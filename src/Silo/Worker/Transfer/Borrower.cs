namespace Spikeformer.Silo.Worker.Transfer;

/// <summary>A worker that is behind a member, and what the member keeps for it.</summary>
/// <param name="incarnation">The worker's process.</param>
internal sealed class Borrower(ulong incarnation)
{
    public ulong Incarnation => incarnation;

    /// <summary>The oldest state that it asks about. The vectors of the steps since then are kept for it.</summary>
    public long Needs { get; set; } = long.MaxValue;

    /// <summary>Whether it needs a copy of that state.</summary>
    public bool NeedsCopy { get; set; }

    /// <summary>When the generation ended in which it borrowed; null while it is connected.</summary>
    public long? LeftAt { get; set; }
}
