using Spikeformer.Files;

namespace Spikeformer.Checkpoints;

/// <summary>
/// Where checkpoints lie: folders of files with atomic, durable writes. The seam between what a checkpoint is and what stores it, a file
/// system now, an object store too.
/// </summary>
/// <remarks>Folder and file names are plain names without separators. All methods may throw <see cref="IOException"/> or
/// <see cref="UnauthorizedAccessException"/> when the storage fails; callers give these a meaning. A <see cref="StorageException"/> is about the
/// storage as a whole.</remarks>
public interface ICheckpointFiles
{
    /// <summary>Where this is, for messages.</summary>
    string Location { get; }

    /// <summary>Names of all folders; empty when nothing was ever written.</summary>
    IReadOnlyList<string> Folders();

    /// <summary>Names of the complete files of a folder; empty when it does not exist.</summary>
    /// <param name="folder">The folder.</param>
    IReadOnlyList<string> Files(string folder);

    /// <summary>Opens a file for reading from its front; the stream knows its length.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    Stream OpenRead(string folder, string file);

    /// <summary>Writes or replaces a file, and its folder when missing. After return it survives a power cut; after an exception or a
    /// kill the file is as before.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">The file.</param>
    /// <param name="content">Writes the bytes, front to back.</param>
    void Write(string folder, string file, Action<Stream> content);

    /// <summary>Moves a file into another folder, made when missing; replaces one of its name there. After return that survives a power cut;
    /// after an exception or a kill the file is whole in one of the folders, or in both.</summary>
    /// <remarks>Copies it through this process unless the storage has a better way.</remarks>
    /// <param name="folder">The folder it is in.</param>
    /// <param name="file">The file.</param>
    /// <param name="target">The folder it goes to.</param>
    void Move(string folder, string file, string target)
    {
        Write(target, file, stream =>
        {
            using Stream source = OpenRead(folder, file);
            source.CopyTo(stream);
        });
        Delete(folder, file);
    }

    /// <summary>Removes a file durably; does nothing when there is none.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="file">The file.</param>
    void Delete(string folder, string file);

    /// <summary>Removes a folder with all it holds; does nothing when there is none.</summary>
    /// <param name="folder">The folder.</param>
    void DeleteFolder(string folder);

    /// <summary>Removes what killed writes left in a folder.</summary>
    /// <param name="folder">The folder.</param>
    void DeleteLeftovers(string folder);

    /// <summary>Free space in bytes; null when it is not known.</summary>
    long? AvailableBytes();

    /// <summary>Makes the caller the only writer until the result is disposed, over all processes that share the storage.</summary>
    /// <exception cref="SpikeformerException">Another writer does not finish in time (Conflict).</exception>
    IDisposable Lock();
}
