namespace Spikeformer.Files;

/// <summary>Turns errors of a file system or another storage into errors that a user can act on.</summary>
internal static class StorageErrors
{
    /// <summary>Whether an exception comes from the file system rather than from a mistake in the code.</summary>
    public static bool IsStorage(Exception exception) => exception is IOException or UnauthorizedAccessException;

    /// <summary>Whether a write failed for lack of space or quota.</summary>
    public static bool IsFull(Exception exception) => exception is IOException { HResult: Posix.ENOSPC or Posix.EDQUOT };

    /// <summary>The same error with what was being done, why it failed and what to do.</summary>
    /// <param name="error">An exception for which <see cref="IsStorage"/> holds.</param>
    /// <param name="what">What could not be done and to which file or folder, without a full stop.</param>
    public static SpikeformerException Explain(Exception error, string what) => error switch
    {
        StorageException whole => new(whole.Kind, $"{what}: {whole.Message}", whole.Remedy, whole),
        _ when IsFull(error) =>
            new(ErrorKind.Failed, $"{what}: the disk is full ({error.Message})", "Free some space or choose another folder", error),
        UnauthorizedAccessException or IOException { HResult: Posix.EACCES or Posix.EROFS } =>
            new(ErrorKind.Usage, $"{what}: no permission ({error.Message})", "Choose a folder that this user may write", error),
        FileNotFoundException or DirectoryNotFoundException =>
            new(ErrorKind.NotFound, $"{what}: it does not exist ({error.Message})", "Check the path", error),
        _ => new(ErrorKind.Failed, $"{what}: {error.Message}", "Check the path and the disk, then try again", error),
    };
}
