namespace Spikeformer.Checkpoints;

/// <summary>The storage of checkpoints: folders of files with atomic, durable writes. It separates the format of checkpoints from their storage, which is a
/// file system or an object store.</summary>
/// <remarks>Folder and file names are plain names without separators. All methods may throw <see cref="IOException"/> or
/// <see cref="UnauthorizedAccessException"/> if the storage fails; callers explain these errors. A <see cref="StorageException"/> concerns the
/// storage as a whole.</remarks>
public interface ICheckpointFiles
{
    /// <summary>The location of the storage, for messages.</summary>
    string Location { get; }

    /// <summary>Returns the names of all folders; empty if nothing was ever written.</summary>
    IReadOnlyList<string> Folders();

    /// <summary>Returns the names of the complete files of a folder; empty if it does not exist.</summary>
    /// <param name="folder">The folder.</param>
    IReadOnlyList<string> Files(string folder);

    /// <summary>Opens a file for reading from the start. The stream knows its length; the caller disposes it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    Stream OpenRead(string folder, string file);

    /// <summary>Writes or replaces a file, and creates its folder if needed. Once this returns, the file survives a power failure. After an
    /// exception or a kill, the file is as before.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">The file.</param>
    /// <param name="content">Writes the bytes, from start to end.</param>
    void Write(string folder, string file, Action<Stream> content);

    /// <summary>Moves a file to another folder, which is created if needed, and replaces a file of the same name there. Once this returns, the
    /// move survives a power failure. After an exception or a kill, the file is complete in one of the folders or in both.</summary>
    /// <remarks>This implementation copies the file through this process.</remarks>
    /// <param name="folder">The folder of the file.</param>
    /// <param name="file">The file.</param>
    /// <param name="target">The folder to move it to.</param>
    void Move(string folder, string file, string target)
    {
        Write(target, file, stream =>
        {
            using Stream source = OpenRead(folder, file);
            source.CopyTo(stream);
        });
        Delete(folder, file);
    }

    /// <summary>Removes a file durably; does nothing if it does not exist.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">The file.</param>
    void Delete(string folder, string file);

    /// <summary>Removes a folder with its files; does nothing if it does not exist.</summary>
    /// <param name="folder">The folder.</param>
    void DeleteFolder(string folder);

    /// <summary>Removes the temporary files of killed writes from a folder.</summary>
    /// <param name="folder">The folder.</param>
    void DeleteLeftovers(string folder);

    /// <summary>Returns the free space in bytes; null if it is unknown.</summary>
    long? AvailableBytes();

    /// <summary>Makes the caller the only writer among all processes that share the storage, until the result is disposed.</summary>
    /// <exception cref="SpikeformerException">Another writer did not finish in time (Conflict).</exception>
    IDisposable Lock();
}
