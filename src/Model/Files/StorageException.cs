namespace Spikeformer.Files;

/// <summary>A storage as a whole does not answer, or refuses: it tells nothing of the files in it, so none of them may be taken for damaged or
/// missing because of it.</summary>
/// <param name="kind">The class of the error.</param>
/// <param name="problem">What is wrong and where, one sentence without the final full stop.</param>
/// <param name="remedy">What the user can do, one sentence without the final full stop.</param>
/// <param name="inner">The cause.</param>
public sealed class StorageException(ErrorKind kind, string problem, string remedy, Exception? inner = null) : IOException(problem, inner)
{
    /// <summary>The class of the error.</summary>
    public ErrorKind Kind { get; } = kind;

    /// <summary>What the user can do, without the final full stop.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>Whether an error is one of these, or what a caller has made of one.</summary>
    internal static bool IsBehind(Exception error) => error is StorageException || error.InnerException is StorageException;
}
