using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Spikeformer.Numerics;

/// <summary>Direct access to the memory of contiguous CPU tensors.</summary>
/// <remarks>TorchSharp's own accessors copy, allocate or are limited to 2 GB. Tensor memory never moves. It lives as long as any tensor
/// or autograd graph shares the storage, so keep the tensor reachable (<c>GC.KeepAlive</c>) until the last access.</remarks>
internal static unsafe partial class TensorMemory
{
    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_data(nint tensor);

    /// <summary>Returns the address of the first element on any device, including the storage offset of a view.</summary>
    public static void* Pointer(Tensor tensor) => (void*)THSTensor_data(tensor.Handle);

    /// <summary>Returns the elements of a contiguous CPU tensor of up to 2^31-1 elements, without a copy.</summary>
    /// <exception cref="ArgumentException">The tensor is not contiguous, not on the CPU, or not of type <typeparamref name="T"/>.</exception>
    public static Span<T> Span<T>(Tensor tensor) where T : unmanaged
    {
        if (tensor.device_type != TorchSharp.DeviceType.CPU || !tensor.is_contiguous() || tensor.ElementSize != sizeof(T))
            throw new ArgumentException($"Expected a contiguous CPU tensor of {typeof(T).Name}, not {tensor.dtype} on {tensor.device}.", nameof(tensor));
        return new(Pointer(tensor), checked((int)tensor.NumberOfElements));
    }

    /// <summary>Returns the value of a one-element tensor on any device. TorchSharp may finalise its own scalar object while it is read.</summary>
    public static double Value(Tensor tensor)
    {
        using Tensor wide = tensor.to(ScalarType.Float64), local = wide.cpu();
        return Span<double>(local)[0];
    }

    /// <summary>Copies a vector's elements as float64 from any device.</summary>
    public static double[] Values(Tensor vector)
    {
        using Tensor wide = vector.to(ScalarType.Float64), local = wide.cpu();
        return Span<double>(local).ToArray();
    }
}
