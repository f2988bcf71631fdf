namespace Spikeformer.Runs;

/// <summary>What follows from an input to a run: the record to write, and the events to tell once it is written.</summary>
/// <param name="Record">The run afterwards; the very same object when nothing changes.</param>
/// <param name="Events">Kinds and messages.</param>
/// <param name="Refusal">Why a command was refused, or null.</param>
public readonly record struct Decision(RunRecord Record, IReadOnlyList<(string Kind, string Message)> Events, SpikeformerException? Refusal = null)
{
    /// <summary>Nothing changes.</summary>
    public static Decision None(RunRecord record) => new(record, []);

    /// <summary>Nothing changes, and the caller is told why.</summary>
    public static Decision Refuse(RunRecord record, SpikeformerException refusal) => new(record, [], refusal);

    /// <summary>Nothing changes, and the caller is told what is wrong and what to do.</summary>
    public static Decision Refuse(RunRecord record, ErrorKind kind, string what, string remedy) => Refuse(record, new(kind, what, remedy));
}
