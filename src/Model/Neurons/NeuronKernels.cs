using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Spikeformer.Neurons;

/// <summary>
/// The multi-step neuron as one fused pass over float32 CPU memory each way, for the options that training uses: hard reset to 0, no
/// gradient through the reset, start from rest. Forward reads x and writes y; backward reads x and dL/dy, computes the potentials again
/// and writes dL/dx. Everything else is <see cref="NeuronOperations"/>, which is also the oracle.
/// </summary>
/// <remarks>Elements are handled in 16 lanes, one rounding per operation and fused multiply-adds where written: the same bits with
/// AVX-512 and AVX2. The sum dL/dw runs in float64 lanes per chunk of the element axis, and over the chunks in order: the same bits with
/// any number of threads.</remarks>
internal static unsafe partial class NeuronKernels
{
    private const int Lanes = 16;
    /// <summary>Elements of one time step that a thread handles together; also the unit of the sum dL/dw.</summary>
    private const int Chunk = 16384;

    /// <summary>Whether these kernels compute that neuron.</summary>
    public static bool CanRun(Tensor x_T, NeuronOptions options) =>
        x_T.dtype == ScalarType.Float32 && x_T.device_type == TorchSharp.DeviceType.CPU && x_T.shape[0] > 0 &&
        options is { Reset: 0.0, DetachReset: true } && (options.DecayInput || options.Kind == NeuronKind.If);

    /// <summary>Computes the outputs.</summary>
    /// <param name="x_T">Input currents, [T, ...], contiguous.</param>
    /// <param name="y_T">Where the outputs go, same shape, contiguous.</param>
    /// <param name="decay">k; ignored by IF.</param>
    /// <param name="options">A neuron that <see cref="CanRun"/> accepts.</param>
    public static void Forward(Tensor x_T, Tensor y_T, double decay, NeuronOptions options)
    {
        var layer = new Layer(x_T, decay, options);
        float* x = Pointer(x_T), y = Pointer(y_T);
        switch (options.Kind)
        {
            case NeuronKind.Plif or NeuronKind.Lif: ComputeThreads.For(layer.Chunks, new ForwardPass<Lif>(layer, x, y)); break;
            case NeuronKind.Pliaf or NeuronKind.Liaf: ComputeThreads.For(layer.Chunks, new ForwardPass<Liaf>(layer, x, y)); break;
            default: ComputeThreads.For(layer.Chunks, new ForwardPass<If>(layer, x, y)); break;
        }
        GC.KeepAlive(x_T);
        GC.KeepAlive(y_T);
    }

    /// <summary>Computes the gradients.</summary>
    /// <param name="x_T">Input currents, [T, ...], contiguous.</param>
    /// <param name="dy_T">dL/dy, same shape, contiguous.</param>
    /// <param name="dx_T">Where dL/dx goes, same shape, contiguous.</param>
    /// <param name="decay">k = sigmoid(w), or the fixed decay.</param>
    /// <param name="options">A neuron that <see cref="CanRun"/> accepts.</param>
    /// <returns>dL/dw; 0 where the decay is not learnt.</returns>
    public static double Backward(Tensor x_T, Tensor dy_T, Tensor dx_T, double decay, NeuronOptions options)
    {
        var layer = new Layer(x_T, decay, options);
        float* x = Pointer(x_T), dy = Pointer(dy_T), dx = Pointer(dx_T);
        double[] sums = new double[layer.Chunks];
        fixed (double* sum = sums)
            switch (options.Kind)
            {
                case NeuronKind.Plif: ComputeThreads.For(layer.Chunks, new BackwardPass<Plif>(layer, x, dy, dx, sum)); break;
                case NeuronKind.Pliaf: ComputeThreads.For(layer.Chunks, new BackwardPass<Pliaf>(layer, x, dy, dx, sum)); break;
                case NeuronKind.Lif: ComputeThreads.For(layer.Chunks, new BackwardPass<Lif>(layer, x, dy, dx, sum)); break;
                case NeuronKind.Liaf: ComputeThreads.For(layer.Chunks, new BackwardPass<Liaf>(layer, x, dy, dx, sum)); break;
                default: ComputeThreads.For(layer.Chunks, new BackwardPass<If>(layer, x, dy, dx, sum)); break;
            }
        GC.KeepAlive(x_T);
        GC.KeepAlive(dy_T);
        GC.KeepAlive(dx_T);
        double total = 0;
        foreach (double sum in sums) total += sum;
        // The sums are of dL/dx (x - v), and dL/dx = k dL/du: with dk/dw = k (1 - k) the k is in them already.
        return total * (1 - decay);
    }

    private static float* Pointer(Tensor tensor) => (float*)TensorMemory.Pointer(tensor);

    /// <summary>What sets the neuron models apart; constants to the compiler.</summary>
    private interface INeuron
    {
        static abstract bool Leaks { get; }
        static abstract bool Learns { get; }
        static abstract bool IsAnalog { get; }
    }

    private readonly struct Plif : INeuron
    {
        public static bool Leaks => true;
        public static bool Learns => true;
        public static bool IsAnalog => false;
    }

    private readonly struct Pliaf : INeuron
    {
        public static bool Leaks => true;
        public static bool Learns => true;
        public static bool IsAnalog => true;
    }

    private readonly struct Lif : INeuron
    {
        public static bool Leaks => true;
        public static bool Learns => false;
        public static bool IsAnalog => false;
    }

    private readonly struct Liaf : INeuron
    {
        public static bool Leaks => true;
        public static bool Learns => false;
        public static bool IsAnalog => true;
    }

    private readonly struct If : INeuron
    {
        public static bool Leaks => false;
        public static bool Learns => false;
        public static bool IsAnalog => false;
    }

    /// <summary>Sizes and constants of one call.</summary>
    private readonly struct Layer
    {
        public readonly int Steps;
        /// <summary>Elements of one time step.</summary>
        public readonly long Count;
        /// <summary>k and 1 - k: du/dx and du/dv.</summary>
        public readonly float Decay, Keep;
        public readonly float Threshold;
        /// <summary>k times the surrogate's slope: dy/dx.</summary>
        public readonly SigmoidSurrogate Surrogate;

        public Layer(Tensor x_T, double decay, NeuronOptions options)
        {
            Steps = checked((int)x_T.shape[0]);
            Count = x_T.NumberOfElements / Steps;
            bool leaks = options.Kind != NeuronKind.If;
            (Decay, Keep) = leaks ? ((float)decay, (float)(1 - decay)) : (1, 1);
            Threshold = (float)options.Threshold;
            Surrogate = new SigmoidSurrogate(options.SurrogateAlpha, leaks ? decay : 1);
        }

        public int Chunks => checked((int)((Count + Chunk - 1) / Chunk));
    }

    /// <summary>u from x and v. The backward pass relies on getting the forward pass's bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Charge<TNeuron>(Vector512<float> x, Vector512<float> v, Vector512<float> k) where TNeuron : INeuron =>
        TNeuron.Leaks ? Vector512.FusedMultiplyAdd(x - v, k, v) : v + x;

    /// <summary>v from u; NaN does not fire and stays.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Reset(Vector512<float> u, Vector512<float> threshold) =>
        Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(u, threshold), default, u);

    /// <summary>Copies the last, fewer than 16 elements of every time step into rows of 16 that end in zeros.</summary>
    private static void Pad(float* from, long stride, int steps, int width, float* rows)
    {
        new Span<float>(rows, steps * Lanes).Clear();
        for (int t = 0; t < steps; t++) new Span<float>(from + t * stride, width).CopyTo(new Span<float>(rows + t * Lanes, width));
    }

    private static void Unpad(float* rows, int steps, int width, float* to, long stride)
    {
        for (int t = 0; t < steps; t++) new Span<float>(rows + t * Lanes, width).CopyTo(new Span<float>(to + t * stride, width));
    }
}
