using System.Runtime.Intrinsics;

namespace Spikeformer.Numerics;

/// <summary>Elementwise float32 passes over flat memory. Each element is rounded once, so the result does not depend on the vector width.</summary>
internal static unsafe class VectorMath
{
    /// <summary>Computes sum[i] = left[i] + right[i]; <paramref name="sum"/> may be one of the operands.</summary>
    public static void Add(float* left, float* right, float* sum, long count)
    {
        long i = 0;
        for (; i <= count - Vector512<float>.Count; i += Vector512<float>.Count)
            (Vector512.Load(left + i) + Vector512.Load(right + i)).Store(sum + i);
        for (; i < count; i++) sum[i] = left[i] + right[i];
    }

    /// <summary>Returns whether no value is infinite or NaN.</summary>
    public static bool IsFinite(float* values, long count)
    {
        // x * 0 is 0 for finite x and NaN otherwise, and a sum with a NaN is NaN.
        Vector512<float> zeros = default;
        long i = 0;
        for (; i <= count - Vector512<float>.Count; i += Vector512<float>.Count)
            zeros += Vector512.Load(values + i) * Vector512<float>.Zero;
        float rest = 0;
        for (; i < count; i++) rest += values[i] * 0;
        return Vector512.EqualsAll(zeros, Vector512<float>.Zero) && rest == 0;
    }
}
