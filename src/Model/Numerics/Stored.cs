using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spikeformer.Numerics;

/// <summary>How a kernel's numbers lie in memory. Arithmetic is float32 whatever they are stored as.</summary>
internal unsafe interface IStored<T> where T : unmanaged, IStored<T>
{
    /// <summary>16 values from any address.</summary>
    static abstract Vector512<float> Load(T* at);

    /// <summary>16 values to any address, rounded to nearest, ties to even.</summary>
    static abstract void Store(T* at, Vector512<float> values);
}

/// <summary>float32 in memory.</summary>
[StructLayout(LayoutKind.Sequential, Size = sizeof(float))]
internal readonly unsafe struct StoredSingle : IStored<StoredSingle>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(StoredSingle* at) => Vector512.Load((float*)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(StoredSingle* at, Vector512<float> values) => values.Store((float*)at);
}

/// <summary>bfloat16 in memory: the upper half of a float32.</summary>
/// <remarks>Integer arithmetic, not the conversion instruction: that one flushes subnormals, and not every AVX-512 machine has it.</remarks>
[StructLayout(LayoutKind.Sequential, Size = sizeof(ushort))]
internal readonly unsafe struct StoredBFloat16 : IStored<StoredBFloat16>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(StoredBFloat16* at)
    {
        Vector256<ushort> bits = Vector256.Load((ushort*)at);
        if (Avx512F.IsSupported) return Vector512.ShiftLeft(Avx512F.ConvertToVector512UInt32(bits), 16).AsSingle();
        (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(bits);
        return Vector512.Create(Vector256.ShiftLeft(low, 16), Vector256.ShiftLeft(high, 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(StoredBFloat16* at, Vector512<float> values)
    {
        Vector512<uint> bits = values.AsUInt32();
        Vector512<uint> odd = Vector512.ShiftRightLogical(bits, 16) & Vector512<uint>.One;
        Vector512<uint> rounded = bits + odd + Vector512.Create(0x7FFFu);
        // Rounding could carry a NaN's bits over to infinity; setting its quiet bit keeps it one.
        Vector512<uint> isNumber = Vector512.Equals(values, values).AsUInt32();
        Vector512<uint> halves = Vector512.ShiftRightLogical(Vector512.ConditionalSelect(isNumber, rounded, bits | Vector512.Create(0x400000u)), 16);
        Vector256<ushort> narrow = Avx512F.IsSupported
            ? Avx512F.ConvertToVector256UInt16(halves)
            : Vector256.Narrow(halves.GetLower(), halves.GetUpper());
        narrow.Store((ushort*)at);
    }
}
