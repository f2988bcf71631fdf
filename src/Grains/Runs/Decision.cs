namespace Spikeformer.Runs;

/// <summary>The result of an input to a run: the record to write, and the events to announce once it is written.</summary>
/// <param name="Record">The run after the input; the same object when nothing changes.</param>
/// <param name="Events">Kinds and messages.</param>
/// <param name="Refusal">Why a command was refused, or null.</param>
public readonly record struct Decision(RunRecord Record, IReadOnlyList<(string Kind, string Message)> Events, SpikeformerException? Refusal = null)
{
    /// <summary>Changes nothing.</summary>
    public static Decision None(RunRecord record) => new(record, []);

    /// <summary>Changes nothing and tells the caller why.</summary>
    public static Decision Refuse(RunRecord record, SpikeformerException refusal) => new(record, [], refusal);

    /// <summary>Changes nothing and tells the caller the problem and the remedy.</summary>
    public static Decision Refuse(RunRecord record, ErrorKind kind, string what, string remedy) => Refuse(record, new(kind, what, remedy));
}
