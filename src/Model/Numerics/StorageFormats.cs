using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Spikeformer.Numerics;

/// <summary>The format in which a kernel's numbers are stored. A kernel always computes in float32.</summary>
internal unsafe interface IStorageFormat<T> where T : unmanaged, IStorageFormat<T>
{
    /// <summary>Reads 16 values; the address needs no alignment.</summary>
    static abstract Vector512<float> Load(T* at);

    /// <summary>Writes 16 values, rounded to nearest with ties to even; the address needs no alignment.</summary>
    static abstract void Store(T* at, Vector512<float> values);
}

/// <summary>Numbers stored as float32.</summary>
[StructLayout(LayoutKind.Sequential, Size = sizeof(float))]
internal readonly unsafe struct Float32Storage : IStorageFormat<Float32Storage>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(Float32Storage* at) => Vector512.Load((float*)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Float32Storage* at, Vector512<float> values) => values.Store((float*)at);
}

/// <summary>Numbers stored as bfloat16, the upper half of a float32.</summary>
/// <remarks>Converts by integer arithmetic: the conversion instruction flushes subnormals, and not every AVX-512 processor has it.</remarks>
[StructLayout(LayoutKind.Sequential, Size = sizeof(ushort))]
internal readonly unsafe struct BFloat16Storage : IStorageFormat<BFloat16Storage>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(BFloat16Storage* at)
    {
        Vector256<ushort> bits = Vector256.Load((ushort*)at);
        if (Avx512F.IsSupported) return Vector512.ShiftLeft(Avx512F.ConvertToVector512UInt32(bits), 16).AsSingle();
        (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(bits);
        return Vector512.Create(Vector256.ShiftLeft(low, 16), Vector256.ShiftLeft(high, 16)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(BFloat16Storage* at, Vector512<float> values)
    {
        Vector512<uint> bits = values.AsUInt32();
        Vector512<uint> odd = Vector512.ShiftRightLogical(bits, 16) & Vector512<uint>.One;
        Vector512<uint> rounded = bits + odd + Vector512.Create(0x7FFFu);
        // Rounding could carry a NaN's bits over to infinity. Its quiet bit prevents that.
        Vector512<uint> isNumber = Vector512.Equals(values, values).AsUInt32();
        Vector512<uint> halves = Vector512.ShiftRightLogical(Vector512.ConditionalSelect(isNumber, rounded, bits | Vector512.Create(0x400000u)), 16);
        Vector256<ushort> narrow = Avx512F.IsSupported
            ? Avx512F.ConvertToVector256UInt16(halves)
            : Vector256.Narrow(halves.GetLower(), halves.GetUpper());
        narrow.Store((ushort*)at);
    }
}
