namespace Spikeformer.Files;

/// <summary>A store as a whole does not answer or denies access. The error reveals nothing about the files in the store, so callers must not
/// treat them as damaged or missing.</summary>
/// <param name="kind">The class of the error.</param>
/// <param name="problem">One sentence on the problem and its place, without the final full stop.</param>
/// <param name="remedy">One sentence on what the user can do, without the final full stop.</param>
/// <param name="inner">The cause.</param>
public sealed class StorageException(ErrorKind kind, string problem, string remedy, Exception? inner = null) : IOException(problem, inner)
{
    /// <summary>The class of the error.</summary>
    public ErrorKind Kind { get; } = kind;

    /// <summary>What the user can do, without the final full stop.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>Whether an error is a <see cref="StorageException"/> or was caused by one.</summary>
    internal static bool IsBehind(Exception error) => error is StorageException || error.InnerException is StorageException;
}
