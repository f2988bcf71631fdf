namespace Spikeformer.Files;

/// <summary>Turns errors of a file system or another store into errors that a user can act on.</summary>
internal static class StorageErrors
{
    /// <summary>Whether an exception comes from the file system or another store, not from a bug.</summary>
    public static bool IsStorage(Exception exception) => exception is IOException or UnauthorizedAccessException;

    /// <summary>Whether a write failed because space or quota ran out.</summary>
    public static bool IsFull(Exception exception) => exception is IOException { HResult: Posix.ENOSPC or Posix.EDQUOT };

    /// <summary>Returns the error with the failed operation, the cause and a remedy.</summary>
    /// <param name="error">An exception for which <see cref="IsStorage"/> holds.</param>
    /// <param name="what">The failed operation and its file or folder, without a full stop.</param>
    public static SpikeformerException Explain(Exception error, string what) => error switch
    {
        StorageException whole => new(whole.Kind, $"{what}: {whole.Message}", whole.Remedy, whole),
        _ when IsFull(error) =>
            new(ErrorKind.Failed, $"{what}: the disk is full ({error.Message})", "Free some space or choose another folder", error),
        UnauthorizedAccessException or IOException { HResult: Posix.EACCES or Posix.EROFS } =>
            new(ErrorKind.Usage, $"{what}: no permission ({error.Message})", "Choose a folder that you may write to", error),
        FileNotFoundException or DirectoryNotFoundException =>
            new(ErrorKind.NotFound, $"{what}: it does not exist ({error.Message})", "Check the path", error),
        _ => new(ErrorKind.Failed, $"{what}: {error.Message}", "Check the path and the disk, then try again", error),
    };

    /// <summary>Returns the error for a file or folder of the user's that cannot be read.</summary>
    public static SpikeformerException CannotRead(string path, Exception cause) =>
        new(cause is InvalidDataException ? ErrorKind.CheckFailed : ErrorKind.NotFound, $"{path} cannot be read: {cause.Message.TrimEnd('.')}",
            "Check that it exists, is intact, and that you may read it", cause);
}
