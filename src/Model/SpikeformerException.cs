namespace Spikeformer;

/// <summary>The class of an error. The value is the exit code of the command line.</summary>
public enum ErrorKind
{
    /// <summary>The run failed, or an unexpected error occurred.</summary>
    Failed = 1,
    /// <summary>The call or its configuration is wrong: an option, a recipe field, the layout of a data folder.</summary>
    Usage = 2,
    /// <summary>A run, checkpoint, file or data set does not exist.</summary>
    NotFound = 3,
    /// <summary>The current state does not allow the operation: already running, name taken, nothing to resume, checkpoint of another
    /// network.</summary>
    Conflict = 4,
    /// <summary>The cluster or the object store is unreachable.</summary>
    Unreachable = 5,
    /// <summary>A check found problems: damaged files, invalid recipe, failed verification.</summary>
    CheckFailed = 6,
}

/// <summary>An error that a user can act on. The message says what happened, where (file, field, byte, shard, step) and what to do.</summary>
/// <param name="kind">The class of the error, which determines the exit code.</param>
/// <param name="what">What happened and where: a sentence, or a sentence and a list of lines, without the final full stop.</param>
/// <param name="remedy">One sentence on what the user can do, without the final full stop; empty if nothing is known.</param>
/// <param name="inner">The cause; null if there is no other error.</param>
public class SpikeformerException(ErrorKind kind, string what, string remedy, Exception? inner = null)
    : Exception(Text(what, remedy), inner)
{
    /// <summary>The class of the error, which determines the exit code.</summary>
    public ErrorKind Kind { get; } = kind;

    /// <summary>What happened and where, without the final full stop.</summary>
    public string What { get; } = what;

    /// <summary>What the user can do, without the final full stop.</summary>
    public string Remedy { get; } = remedy;

    private static string Text(string what, string remedy) => remedy.Length == 0 ? what : what.Contains('\n') ? $"{what}\n{remedy}." : $"{what}. {remedy}.";
}
