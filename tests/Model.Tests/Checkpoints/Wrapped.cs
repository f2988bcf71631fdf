using Spikeformer.Checkpoints;

namespace Spikeformer.Model.Tests.Checkpoints;

/// <summary>A directory of checkpoints in which a test can intercept changes.</summary>
internal class Wrapped(string directory) : ICheckpointFiles
{
    private readonly LocalCheckpointFiles _inner = new(directory);

    protected virtual void Change(Action operation) => operation();

    public string Location => _inner.Location;
    public IReadOnlyList<string> Folders() => _inner.Folders();
    public virtual IReadOnlyList<string> Files(string folder) => _inner.Files(folder);
    public Stream OpenRead(string folder, string file) => _inner.OpenRead(folder, file);
    public IDisposable Lock() => _inner.Lock();
    public virtual long? AvailableBytes() => _inner.AvailableBytes();
    public virtual void Write(string folder, string file, Action<Stream> content) => Change(() => _inner.Write(folder, file, content));
    public void Move(string folder, string file, string target) => Change(() => _inner.Move(folder, file, target));
    public void Delete(string folder, string file) => Change(() => _inner.Delete(folder, file));
    public void DeleteFolder(string folder) => Change(() => _inner.DeleteFolder(folder));
    public void DeleteLeftovers(string folder) => Change(() => _inner.DeleteLeftovers(folder));
}

/// <summary>A directory that fails at one changing operation and at all later ones, as in a crash, including during clean-up.</summary>
internal sealed class FailingFiles(string directory, int fault, bool after) : Wrapped(directory)
{
    private int _operation;

    public bool Failed => _operation > fault;

    protected override void Change(Action operation)
    {
        bool now = _operation++ == fault;
        if (Failed && !(now && after)) throw new IOException("the storage is gone");
        operation();
        if (now) throw new IOException("the storage is gone");
    }
}
