using Spikeformer.Checkpoints;

namespace Spikeformer.Model.Tests.Checkpoints;

/// <summary>A directory of checkpoints whose changes a test can disturb.</summary>
internal class Wrapped(string directory) : ICheckpointFiles
{
    private readonly LocalCheckpointFiles _inner = new(directory);

    protected virtual void Change(Action operation) => operation();

    public string Location => _inner.Location;
    public IReadOnlyList<string> Folders() => _inner.Folders();
    public IReadOnlyList<string> Files(string folder) => _inner.Files(folder);
    public Stream OpenRead(string folder, string file) => _inner.OpenRead(folder, file);
    public IDisposable Lock() => _inner.Lock();
    public virtual long? AvailableBytes() => _inner.AvailableBytes();
    public virtual void Write(string folder, string file, Action<Stream> content) => Change(() => _inner.Write(folder, file, content));
    public void Delete(string folder, string file) => Change(() => _inner.Delete(folder, file));
    public void DeleteFolder(string folder) => Change(() => _inner.DeleteFolder(folder));
    public void DeleteLeftovers(string folder) => Change(() => _inner.DeleteLeftovers(folder));
}
