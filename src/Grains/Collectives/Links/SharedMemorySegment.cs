using System.IO.MemoryMappedFiles;
using Spikeformer.Collectives.Frames;

namespace Spikeformer.Collectives.Links;

/// <summary>
/// The memory that the members of one host share: a poison word, a doorbell for each member, and a ring of frames for each ordered pair.
/// </summary>
/// <remarks>Words that different members write are 128 bytes apart, two cache lines, because processors fetch lines in pairs.</remarks>
internal sealed unsafe class SharedMemorySegment : IDisposable
{
    public const int Slots = 4;

    private const int Line = 128, Page = 4096;
    private readonly int _members, _slotBytes;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;

    private SharedMemorySegment(FileStream file, int members, int blockBytes)
    {
        (_members, _slotBytes) = (members, SlotBytes(blockBytes));
        _file = MemoryMappedFile.CreateFromFile(file, null, Size(members, blockBytes), MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>Creates a segment and reserves all of its memory, so that a full file system is an error here and not a crash at the first access.</summary>
    /// <exception cref="IOException">There is no space, or the folder does not exist.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder is not writable.</exception>
#pragma warning disable CA1416 // The data plane runs on Linux only.
    public static SharedMemorySegment Create(string path, int members, int blockBytes) => new(new FileStream(path, new FileStreamOptions
    {
        Mode = FileMode.CreateNew,
        Access = FileAccess.ReadWrite,
        Share = FileShare.ReadWrite | FileShare.Delete,
        UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        PreallocationSize = Size(members, blockBytes),
    }), members, blockBytes);
#pragma warning restore CA1416

    /// <summary>Maps a segment that another member created.</summary>
    /// <exception cref="IOException">The segment does not exist or has another size.</exception>
    /// <exception cref="UnauthorizedAccessException">The segment belongs to another user.</exception>
    public static SharedMemorySegment Open(string path, int members, int blockBytes)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        if (file.Length == Size(members, blockBytes)) return new(file, members, blockBytes);
        file.Dispose();
        throw new IOException($"{path} has {file.Length} bytes instead of {Size(members, blockBytes)}");
    }

    /// <summary>Size of a segment in bytes.</summary>
    public static long Size(int members, int blockBytes) => Rings(members) + (long)members * (members - 1) * Slots * SlotBytes(blockBytes);

    /// <summary>Whether a member has sealed the generation.</summary>
    public bool IsPoisoned => Volatile.Read(ref *(int*)_start) != 0;

    /// <summary>Marks the generation as sealed and wakes all members that sleep.</summary>
    public void SetPoison()
    {
        Volatile.Write(ref *(int*)_start, 1);
        for (int member = 0; member < _members; member++)
        {
            Interlocked.Exchange(ref *Bell(member), 0);
            Native.Wake(Bell(member));
        }
    }

    /// <summary>A member's bell; see <see cref="Doorbell"/>.</summary>
    public int* Bell(int member) => (int*)(_start + Line * (1 + member));

    /// <summary>Number of frames written to a ring so far.</summary>
    public long* Written(int from, int to) => (long*)(_start + Words(_members) + 2 * Line * Pair(from, to));

    /// <summary>Number of frames taken from a ring so far.</summary>
    public long* Taken(int from, int to) => (long*)((byte*)Written(from, to) + Line);

    /// <summary>The slot of a frame in a ring.</summary>
    public byte* Slot(int from, int to, long frame) =>
        _start + Rings(_members) + ((long)Pair(from, to) * Slots + frame % Slots) * _slotBytes;

    /// <summary>Unmaps the memory. It is freed when the last member has done so.</summary>
    public void Dispose()
    {
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private int Pair(int from, int to) => from * (_members - 1) + (to < from ? to : to - 1);

    private static int SlotBytes(int blockBytes) => FrameHeader.Bytes + blockBytes;

    private static long Words(int members) => Line * (1 + members);

    private static long Rings(int members) => (Words(members) + 2L * Line * members * (members - 1) + Page - 1) / Page * Page;
}
