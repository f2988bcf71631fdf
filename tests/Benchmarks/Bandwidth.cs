using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Spikeformer.Numerics;
using static TorchSharp.torch;

namespace Spikeformer.Benchmarks;

/// <summary>The minimum cost of a pass over memory: the same number of bytes, read and written sequentially.</summary>
internal static unsafe class Bandwidth
{
    /// <summary>Computes to = from * 0.5: 8 bytes per element, as in a neuron's forward pass.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(Tensor from, Tensor to)
    {
        float* source = (float*)TensorMemory.Pointer(from), target = (float*)TensorMemory.Pointer(to);
        Vector512<float> half = Vector512.Create(0.5f);
        for (long i = 0, count = from.NumberOfElements; i + 16 <= count; i += 16)
            (Vector512.Load(source + i) * half).Store(target + i);
        GC.KeepAlive(from);
        GC.KeepAlive(to);
    }

    /// <summary>Computes to = a * 0.5 + b: 12 bytes per element, as in a neuron's backward pass.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Triad(Tensor a, Tensor b, Tensor to)
    {
        float* first = (float*)TensorMemory.Pointer(a), second = (float*)TensorMemory.Pointer(b), target = (float*)TensorMemory.Pointer(to);
        Vector512<float> half = Vector512.Create(0.5f);
        for (long i = 0, count = a.NumberOfElements; i + 16 <= count; i += 16)
            Vector512.FusedMultiplyAdd(Vector512.Load(first + i), half, Vector512.Load(second + i)).Store(target + i);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        GC.KeepAlive(to);
    }
}
