using System.Runtime.InteropServices;

namespace Spikeformer.Training.Optimizers;

/// <summary>An optimizer's moments: named flat float32 buffers in native memory, each as long as the parameters and initially zero. Checkpoints
/// store them under these names. Not thread-safe.</summary>
public sealed unsafe class OptimizerState : IDisposable
{
    private const nuint CacheLine = 64;
    private readonly nint[] _buffers;

    /// <summary>Allocates the buffers, filled with zeros.</summary>
    /// <param name="names">One name per buffer; see <see cref="Optimizer.StateNames"/>.</param>
    /// <param name="length">The number of elements of each buffer.</param>
    public OptimizerState(IReadOnlyList<string> names, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        (Names, Length, _buffers) = (names, length, new nint[names.Count]);
        for (int i = 0; i < _buffers.Length; i++)
            _buffers[i] = (nint)NativeMemory.AlignedAlloc(checked((nuint)Math.Max(length, 1) * sizeof(float)), CacheLine);
        Clear();
    }

    /// <summary>The names of the buffers, in the order in which they are saved and digested.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>The number of elements of each buffer.</summary>
    public long Length { get; }

    /// <summary>The address of a buffer's first element, valid until disposal.</summary>
    /// <exception cref="ArgumentException">There is no buffer of this name.</exception>
    /// <exception cref="ObjectDisposedException">The state is disposed.</exception>
    public float* this[string name]
    {
        get
        {
            for (int i = 0; i < _buffers.Length; i++)
                if (Names[i] == name) return Pointer(i);
            throw new ArgumentException($"The state has {string.Join(", ", Names)}, not {name}.", nameof(name));
        }
    }

    /// <summary>Sets every buffer to zero.</summary>
    public void Clear()
    {
        for (int i = 0; i < _buffers.Length; i++) NativeMemory.Clear(Pointer(i), (nuint)Length * sizeof(float));
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        foreach (ref nint buffer in _buffers.AsSpan())
        {
            NativeMemory.AlignedFree((void*)buffer);
            buffer = 0;
        }
    }

    private float* Pointer(int index)
    {
        ObjectDisposedException.ThrowIf(_buffers[index] == 0, this);
        return (float*)_buffers[index];
    }
}
