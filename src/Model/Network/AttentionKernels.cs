using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Spikeformer.Devices;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>Multi-head softmax attention, head by head in a core's cache. It reads queries, keys and values in the layout of the linear map before it and
/// writes rows in the layout that the linear map after it reads. The backward pass recomputes the attention weights.</summary>
/// <remarks>Computes in float32 for every storage format. One thread computes a head, in one order, so the result depends on neither the
/// number of threads nor the vector width.</remarks>
internal static unsafe class AttentionKernels
{
    private const int Lanes = SmallMatrices.Lanes;
    // libtorch computes longer sequences. In bfloat16 its half-precision products are then faster than our float32 products; in float32 the
    // weights of a head no longer fit the second-level cache.
    private const int MaxHalfLength = 128, MaxLength = 512;

    /// <summary>Returns whether these kernels compute attention over a tensor.</summary>
    /// <param name="qkv_GLC">Queries, keys and values, [G,L,3E].</param>
    public static bool CanRun(Tensor qkv_GLC) => OwnKernels.CanRun(qkv_GLC) && qkv_GLC.dtype switch
    {
        ScalarType.Float32 => qkv_GLC.shape[1] <= MaxLength,
        ScalarType.BFloat16 => qkv_GLC.shape[1] <= MaxHalfLength,
        _ => false,
    };

    /// <summary>Computes softmax(q k' / sqrt(D)) v: [G,L,3E], with q, k and v of M heads of D channels each, to [G,L,E].</summary>
    public static void Forward(Tensor qkv_GLC, Tensor y_GLE, int heads)
    {
        var shape = new Shape(qkv_GLC, heads);
        if (qkv_GLC.dtype == ScalarType.Float32) Run<Float32Storage>(); else Run<BFloat16Storage>();
        GC.KeepAlive(qkv_GLC);
        GC.KeepAlive(y_GLE);

        void Run<TStored>() where TStored : unmanaged, IStorageFormat<TStored> => ComputeThreads.For(shape.Tasks,
            new ForwardPass<TStored>(shape, (TStored*)TensorMemory.Pointer(qkv_GLC), (TStored*)TensorMemory.Pointer(y_GLE)));
    }

    /// <summary>Computes the gradients of q, k and v, in their layout.</summary>
    public static void Backward(Tensor qkv_GLC, Tensor dy_GLE, Tensor dqkv_GLC, int heads)
    {
        var shape = new Shape(qkv_GLC, heads);
        if (qkv_GLC.dtype == ScalarType.Float32) Run<Float32Storage>(); else Run<BFloat16Storage>();
        GC.KeepAlive(qkv_GLC);
        GC.KeepAlive(dy_GLE);
        GC.KeepAlive(dqkv_GLC);

        void Run<TStored>() where TStored : unmanaged, IStorageFormat<TStored> => ComputeThreads.For(shape.Tasks, new BackwardPass<TStored>(
            shape, (TStored*)TensorMemory.Pointer(qkv_GLC), (TStored*)TensorMemory.Pointer(dy_GLE), (TStored*)TensorMemory.Pointer(dqkv_GLC)));
    }

    /// <summary>The sizes of one call. A task is one head of one group.</summary>
    private readonly struct Shape
    {
        public readonly int Length, Heads, Depth;
        /// <summary>Length and depth, rounded up to whole vectors.</summary>
        public readonly int WideLength, WideDepth;
        public readonly int Tasks;
        public readonly float Scale;

        public Shape(Tensor qkv_GLC, int heads)
        {
            long[] shape = qkv_GLC.shape;
            (Length, Heads, Depth) = ((int)shape[1], heads, (int)(shape[2] / 3 / heads));
            (WideLength, WideDepth) = ((Length + Lanes - 1) & -Lanes, (Depth + Lanes - 1) & -Lanes);
            Tasks = checked((int)(shape[0] * heads));
            Scale = (float)Math.Pow(Depth, -0.5);
        }

        public int Width => Heads * Depth;
        /// <summary>Returns the offset of a task's queries; its keys follow one width later, its values two.</summary>
        public long Source(int task) => (long)(task / Heads) * Length * 3 * Width + task % Heads * Depth;
        /// <summary>Returns the offset of a task's outputs.</summary>
        public long Target(int task) => (long)(task / Heads) * Length * Width + task % Heads * Depth;
        public int Rows => Length * WideDepth;
        public int Columns => WideDepth * WideLength;
        public int Square => Length * WideLength;

        /// <summary>Allocates a block of zeros. The passes never write the padding, so it stays zero.</summary>
        public static float* Allocate(int floats)
        {
            float* block = (float*)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), 64);
            new Span<float>(block, floats).Clear();
            return block;
        }
    }

    private readonly struct ForwardPass<TStored>(Shape shape, TStored* qkv, TStored* y) : IChunkedWork where TStored : unmanaged, IStorageFormat<TStored>
    {
        public void Run(int first, int end)
        {
            float* q = Shape.Allocate(3 * shape.Rows + shape.Columns + shape.Square);
            float* k = q + shape.Rows, v = k + shape.Rows, k_DL = v + shape.Rows, weights = k_DL + shape.Columns;
            for (int task = first; task < end; task++)
            {
                TStored* source = qkv + shape.Source(task);
                Gather(source, 3 * shape.Width, shape, q);
                Gather(source + shape.Width, 3 * shape.Width, shape, k);
                Gather(source + 2 * shape.Width, 3 * shape.Width, shape, v);
                Weights(shape, q, k, k_DL, weights);
                SmallMatrices.Multiply(shape.Length, shape.WideDepth, shape.Length, weights, shape.WideLength, 1, v, q);
                Scatter(q, shape, y + shape.Target(task), shape.Width);
            }
            NativeMemory.AlignedFree(q);
        }
    }

    private readonly struct BackwardPass<TStored>(Shape shape, TStored* qkv, TStored* dy, TStored* dqkv) : IChunkedWork where TStored : unmanaged, IStorageFormat<TStored>
    {
        public void Run(int first, int end)
        {
            float* q = Shape.Allocate(5 * shape.Rows + 2 * shape.Columns + 2 * shape.Square);
            float* k = q + shape.Rows, v = k + shape.Rows, output = v + shape.Rows, result = output + shape.Rows;
            float* k_DL = result + shape.Rows, v_DL = k_DL + shape.Columns, weights = v_DL + shape.Columns, gradients = weights + shape.Square;
            for (int task = first; task < end; task++)
            {
                TStored* source = qkv + shape.Source(task), target = dqkv + shape.Source(task);
                Gather(source, 3 * shape.Width, shape, q);
                Gather(source + shape.Width, 3 * shape.Width, shape, k);
                Gather(source + 2 * shape.Width, 3 * shape.Width, shape, v);
                Gather(dy + shape.Target(task), shape.Width, shape, output);
                Weights(shape, q, k, k_DL, weights);

                // dv = weights' dy.
                SmallMatrices.Multiply(shape.Length, shape.WideDepth, shape.Length, weights, 1, shape.WideLength, output, result);
                Scatter(result, shape, target + 2 * shape.Width, 3 * shape.Width);
                // dweights = dy v', then back through the softmax.
                SmallMatrices.Transpose(shape.Length, shape.WideDepth, v, v_DL, shape.WideLength);
                SmallMatrices.Multiply(shape.Length, shape.WideLength, shape.Depth, output, shape.WideDepth, 1, v_DL, gradients);
                SoftmaxGradient(shape, weights, gradients);
                // dq = dscores k, dk = dscores' q.
                SmallMatrices.Multiply(shape.Length, shape.WideDepth, shape.Length, gradients, shape.WideLength, 1, k, result);
                Scatter(result, shape, target, 3 * shape.Width);
                SmallMatrices.Multiply(shape.Length, shape.WideDepth, shape.Length, gradients, 1, shape.WideLength, q, result);
                Scatter(result, shape, target + shape.Width, 3 * shape.Width);
            }
            NativeMemory.AlignedFree(q);
        }
    }

    /// <summary>Computes softmax(q k' scale): each row sums to 1, and the columns beyond the length are 0.</summary>
    private static void Weights(in Shape shape, float* q, float* k, float* k_DL, float* weights)
    {
        SmallMatrices.Transpose(shape.Length, shape.WideDepth, k, k_DL, shape.WideLength);
        SmallMatrices.Multiply(shape.Length, shape.WideLength, shape.Depth, q, shape.WideDepth, 1, k_DL, weights);
        var exponential = new DecayingExponential(shape.Scale);
        for (int row = 0; row < shape.Length; row++) Softmax(weights + (long)row * shape.WideLength, shape, exponential);
    }

    /// <summary>Computes the softmax of one row in place; the exponential is exp(-scale |z|).</summary>
    private static void Softmax(float* row, in Shape shape, DecayingExponential exponential)
    {
        Vector512<float> lane = Vector512<float>.Indices, length = Vector512.Create((float)shape.Length);
        Vector512<float> largest = Vector512.Create(float.NegativeInfinity);
        for (int i = 0; i < shape.WideLength; i += Lanes)
        {
            Vector512<float> isReal = Vector512.LessThan(lane + Vector512.Create((float)i), length);
            largest = Vector512.Max(largest, Vector512.ConditionalSelect(isReal, Vector512.Load(row + i), Vector512.Create(float.NegativeInfinity)));
        }
        Vector512<float> maximum = Vector512.Create(LargestLane(largest)), sums = default;
        for (int i = 0; i < shape.WideLength; i += Lanes)
        {
            Vector512<float> isReal = Vector512.LessThan(lane + Vector512.Create((float)i), length);
            Vector512<float> value = exponential.At(Vector512.Load(row + i) - maximum) & isReal;
            sums += value;
            value.Store(row + i);
        }
        Vector512<float> inverse = Vector512.Create(1 / SumOfLanes(sums));
        for (int i = 0; i < shape.WideLength; i += Lanes) (Vector512.Load(row + i) * inverse).Store(row + i);
    }

    /// <summary>Turns dL/dweights g into dL/d(q k') in place: weights (g - sum of weights g) scale.</summary>
    private static void SoftmaxGradient(in Shape shape, float* weights, float* gradients)
    {
        Vector512<float> scale = Vector512.Create(shape.Scale);
        for (int row = 0; row < shape.Length; row++, weights += shape.WideLength, gradients += shape.WideLength)
        {
            Vector512<float> products = default;
            for (int i = 0; i < shape.WideLength; i += Lanes)
                products = Vector512.FusedMultiplyAdd(Vector512.Load(weights + i), Vector512.Load(gradients + i), products);
            Vector512<float> mean = Vector512.Create(SumOfLanes(products));
            for (int i = 0; i < shape.WideLength; i += Lanes)
                ((Vector512.Load(gradients + i) - mean) * Vector512.Load(weights + i) * scale).Store(gradients + i);
        }
    }

    private static float LargestLane(Vector512<float> sixteen)
    {
        Vector256<float> eight = Vector256.Max(sixteen.GetLower(), sixteen.GetUpper());
        Vector128<float> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }

    private static float SumOfLanes(Vector512<float> sixteen)
    {
        Vector256<float> eight = sixteen.GetLower() + sixteen.GetUpper();
        Vector128<float> four = eight.GetLower() + eight.GetUpper();
        return (four[0] + four[1]) + (four[2] + four[3]);
    }

    /// <summary>Copies a head's rows to rows of whole vectors; the columns beyond the depth stay zero.</summary>
    private static void Gather<TStored>(TStored* from, int stride, in Shape shape, float* to) where TStored : unmanaged, IStorageFormat<TStored>
    {
        TStored* rest = stackalloc TStored[Lanes];
        for (int row = 0; row < shape.Length; row++, from += stride, to += shape.WideDepth)
            for (int i = 0; i < shape.Depth; i += Lanes)
                if (shape.Depth - i >= Lanes) TStored.Load(from + i).Store(to + i);
                else
                {
                    new Span<TStored>(rest, Lanes).Clear();
                    new Span<TStored>(from + i, shape.Depth - i).CopyTo(new Span<TStored>(rest, Lanes));
                    TStored.Load(rest).Store(to + i);
                }
    }

    private static void Scatter<TStored>(float* from, in Shape shape, TStored* to, int stride) where TStored : unmanaged, IStorageFormat<TStored>
    {
        TStored* rest = stackalloc TStored[Lanes];
        for (int row = 0; row < shape.Length; row++, from += shape.WideDepth, to += stride)
            for (int i = 0; i < shape.Depth; i += Lanes)
                if (shape.Depth - i >= Lanes) TStored.Store(to + i, Vector512.Load(from + i));
                else
                {
                    TStored.Store(rest, Vector512.Load(from + i));
                    new Span<TStored>(rest, shape.Depth - i).CopyTo(new Span<TStored>(to + i, shape.Depth - i));
                }
    }
}
