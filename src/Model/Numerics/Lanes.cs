using System.Runtime.Intrinsics;

namespace Spikeformer.Numerics;

/// <summary>The 1, 8 or 16 float32 numbers that one instruction computes. Every operation rounds each lane once, as IEEE 754 requires, so an elementwise kernel
/// written against this interface gives the same bits at any width.</summary>
internal unsafe interface ILanes<T> where T : unmanaged, ILanes<T>
{
    static abstract int Count { get; }
    static abstract T Broadcast(float value);
    static abstract T Load(float* source);
    static abstract void Store(T value, float* destination);
    /// <summary>Computes a * b + c with one rounding.</summary>
    static abstract T MultiplyAdd(T a, T b, T c);
    static abstract T Multiply(T a, T b);
    static abstract T Divide(T a, T b);
    static abstract T SquareRoot(T a);
}

/// <summary>One number, for the tail of a buffer and for processors without wide instructions.</summary>
internal readonly unsafe struct Lanes1(float value) : ILanes<Lanes1>
{
    private readonly float _value = value;

    public static int Count => 1;
    public static Lanes1 Broadcast(float value) => new(value);
    public static Lanes1 Load(float* source) => new(*source);
    public static void Store(Lanes1 value, float* destination) => *destination = value._value;
    public static Lanes1 MultiplyAdd(Lanes1 a, Lanes1 b, Lanes1 c) => new(MathF.FusedMultiplyAdd(a._value, b._value, c._value));
    public static Lanes1 Multiply(Lanes1 a, Lanes1 b) => new(a._value * b._value);
    public static Lanes1 Divide(Lanes1 a, Lanes1 b) => new(a._value / b._value);
    public static Lanes1 SquareRoot(Lanes1 a) => new(MathF.Sqrt(a._value));
}

/// <summary>Eight numbers (AVX2).</summary>
internal readonly unsafe struct Lanes8(Vector256<float> value) : ILanes<Lanes8>
{
    private readonly Vector256<float> _value = value;

    public static int Count => Vector256<float>.Count;
    public static Lanes8 Broadcast(float value) => new(Vector256.Create(value));
    public static Lanes8 Load(float* source) => new(Vector256.Load(source));
    public static void Store(Lanes8 value, float* destination) => value._value.Store(destination);
    public static Lanes8 MultiplyAdd(Lanes8 a, Lanes8 b, Lanes8 c) => new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));
    public static Lanes8 Multiply(Lanes8 a, Lanes8 b) => new(a._value * b._value);
    public static Lanes8 Divide(Lanes8 a, Lanes8 b) => new(a._value / b._value);
    public static Lanes8 SquareRoot(Lanes8 a) => new(Vector256.Sqrt(a._value));
}

/// <summary>Sixteen numbers (AVX-512).</summary>
internal readonly unsafe struct Lanes16(Vector512<float> value) : ILanes<Lanes16>
{
    private readonly Vector512<float> _value = value;

    public static int Count => Vector512<float>.Count;
    public static Lanes16 Broadcast(float value) => new(Vector512.Create(value));
    public static Lanes16 Load(float* source) => new(Vector512.Load(source));
    public static void Store(Lanes16 value, float* destination) => value._value.Store(destination);
    public static Lanes16 MultiplyAdd(Lanes16 a, Lanes16 b, Lanes16 c) => new(Vector512.FusedMultiplyAdd(a._value, b._value, c._value));
    public static Lanes16 Multiply(Lanes16 a, Lanes16 b) => new(a._value * b._value);
    public static Lanes16 Divide(Lanes16 a, Lanes16 b) => new(a._value / b._value);
    public static Lanes16 SquareRoot(Lanes16 a) => new(Vector512.Sqrt(a._value));
}

/// <summary>The number of lanes of an instruction.</summary>
internal enum LaneWidth
{
    One = 1,
    Eight = 8,
    Sixteen = 16,
}

/// <summary>The widest lanes of this processor.</summary>
internal static class Lanes
{
    public static LaneWidth Widest { get; } =
        Vector512.IsHardwareAccelerated ? LaneWidth.Sixteen : Vector256.IsHardwareAccelerated ? LaneWidth.Eight : LaneWidth.One;
}
