using System.IO.MemoryMappedFiles;
using System.Text;

namespace Spikeformer.Silo.Metrics;

/// <summary>
/// Memory to which a worker writes its measurements and from which its silo reads them: a slot with the value of each series, and a ring with the
/// measurements of histograms. Nothing is sent, and neither side waits. What a killed worker has written is not lost.
/// </summary>
/// <remarks>The worker takes slots and writes them; the silo frees ended ones. A slot is valid when its state is not free. The ring is valid up to its
/// count, which is written last.</remarks>
internal sealed unsafe class MeasurementPage : IDisposable
{
    public const int Slots = 512, RingLength = 16384;

    private const int HeaderBytes = 64, SlotBytes = 256, KeyOffset = 16, EntryBytes = 16;
    private const long Size = HeaderBytes + (long)Slots * SlotBytes + (long)RingLength * EntryBytes;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;

    private MeasurementPage(string path, FileStream file)
    {
        Path = path;
        _file = MemoryMappedFile.CreateFromFile(file, null, Size, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor();
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    public enum SlotState
    {
        Free,
        Live,
        /// <summary>The worker no longer writes it.</summary>
        Ended,
    }

    /// <summary>Path of the file through which the worker finds the page.</summary>
    public string Path { get; }

    /// <summary>Creates a page, in shared memory if the system has it.</summary>
    /// <exception cref="IOException">There is no room.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder is not writable.</exception>
#pragma warning disable CA1416 // Silos run on Linux.
    public static MeasurementPage Create()
    {
        string folder = Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath();
        string path = System.IO.Path.Combine(folder, $"spikeformer-metrics-{Guid.NewGuid():N}");
        return new(path, new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            PreallocationSize = Size, // without room this is an error, not a crash at the first access
        }));
    }
#pragma warning restore CA1416

    /// <summary>Maps the page that a silo has created and deletes the file: the system frees the memory with the last process that uses it.</summary>
    /// <exception cref="IOException">The file does not exist, or is not a page.</exception>
    /// <exception cref="UnauthorizedAccessException">The file belongs to another user.</exception>
    public static MeasurementPage Open(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        long bytes = file.Length;
        if (bytes != Size)
        {
            file.Dispose();
            throw new IOException($"{path} has {bytes} bytes; a page of measurements has {Size}");
        }
        File.Delete(path);
        return new(path, file);
    }

    /// <summary>Number of entries written to the ring since its creation.</summary>
    public long Written => Volatile.Read(ref *(long*)_start);

    public SlotState StateOf(int slot) => (SlotState)Volatile.Read(ref *(int*)(Slot(slot) + 8));

    public void SetState(int slot, SlotState state) => Volatile.Write(ref *(int*)(Slot(slot) + 8), (int)state);

    /// <summary>The sum of a counter, or the last value of a gauge.</summary>
    public double this[int slot]
    {
        get => Volatile.Read(ref *(double*)Slot(slot));
        set => Volatile.Write(ref *(double*)Slot(slot), value);
    }

    /// <summary>Takes a free slot.</summary>
    /// <returns>The slot, or -1 if no slot is free or the key is too long.</returns>
    public int Take(string key, double value)
    {
        int length = Encoding.UTF8.GetByteCount(key);
        if (length > SlotBytes - KeyOffset) return -1;
        for (int slot = 0; slot < Slots; slot++)
        {
            if (StateOf(slot) is not SlotState.Free) continue;
            this[slot] = value;
            *(int*)(Slot(slot) + 12) = Encoding.UTF8.GetBytes(key, new Span<byte>(Slot(slot) + KeyOffset, SlotBytes - KeyOffset));
            SetState(slot, SlotState.Live);
            return slot;
        }
        return -1;
    }

    /// <summary>Returns the key with which a slot was taken.</summary>
    public string KeyOf(int slot) =>
        Encoding.UTF8.GetString(Slot(slot) + KeyOffset, Math.Clamp(*(int*)(Slot(slot) + 12), 0, SlotBytes - KeyOffset));

    /// <summary>Adds an entry to the ring, in place of the oldest one.</summary>
    public void Append(int slot, double value)
    {
        long written = *(long*)_start;
        byte* entry = Entry(written);
        *(long*)entry = slot;
        *(double*)(entry + 8) = value;
        Volatile.Write(ref *(long*)_start, written + 1);
    }

    /// <summary>Returns an entry of the ring by its number.</summary>
    public (int Slot, double Value) this[long entry] => ((int)Math.Clamp(*(long*)Entry(entry), 0, Slots - 1), *(double*)(Entry(entry) + 8));

    public void Dispose()
    {
        File.Delete(Path);
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private byte* Slot(int slot) => _start + HeaderBytes + (long)slot * SlotBytes;

    private byte* Entry(long number) => _start + HeaderBytes + (long)Slots * SlotBytes + number % RingLength * EntryBytes;
}
