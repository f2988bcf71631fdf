using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Spikeformer.Devices;
using static TorchSharp.torch;

namespace Spikeformer.Neurons;

/// <summary>The multi-step neuron as one fused pass over CPU memory in each direction, for the options that training uses: hard reset to 0, no gradient through
/// the reset, starting from potential 0. Forward reads x and writes y. Backward reads x and dL/dy, recomputes the potentials and writes dL/dx. Both can include
/// the scale and shift of a normalisation before the neurons. <see cref="NeuronOperations"/> computes all other cases and is also the oracle.</summary>
/// <remarks>Elements are processed in 16 lanes, with one rounding per operation and fused multiply-adds where written, so AVX-512 and AVX2
/// give the same bits. The sum dL/dw is taken in float64 lanes within each chunk of the element axis and then over the chunks in order, so
/// any number of threads gives the same bits. The channel sums first add an element's time steps in float32.</remarks>
internal static unsafe partial class NeuronKernels
{
    private const int Lanes = 16;
    /// <summary>Elements of one time step that a thread processes together; also the unit of the sum dL/dw.</summary>
    private const int Chunk = 16384;

    /// <summary>Returns whether these kernels compute a neuron: on the CPU, stored as float32 or bfloat16.</summary>
    public static bool CanRun(Tensor x_T, NeuronOptions options) =>
        x_T.dtype is ScalarType.Float32 or ScalarType.BFloat16 && OwnKernels.CanRun(x_T) && x_T.shape[0] > 0 &&
        options is { Reset: 0.0, DetachReset: true } && (options.DecayInput || options.Kind == NeuronKind.If);

    /// <summary>Computes the outputs.</summary>
    /// <param name="x_T">Input currents, [T, ...], contiguous.</param>
    /// <param name="y_T">Receives the outputs; same shape and type, contiguous.</param>
    /// <param name="decay">The decay k; ignored by IF.</param>
    /// <param name="options">A neuron that <see cref="CanRun"/> accepts.</param>
    public static void Forward(Tensor x_T, Tensor y_T, double decay, NeuronOptions options) =>
        Forward(x_T, null, y_T, null, decay, options);

    /// <summary>Computes the outputs for the currents x * scale + shift.</summary>
    /// <param name="x_TC">The input x, [T, ..., C], contiguous.</param>
    /// <param name="affine">Scale and shift of each channel; null if x is the current.</param>
    /// <param name="y_TC">Receives the outputs; same shape and type, contiguous.</param>
    /// <param name="addend_TC">Added to the outputs, or null. Same shape and type, contiguous.</param>
    /// <param name="decay">The decay k; ignored by IF.</param>
    /// <param name="options">A neuron that <see cref="CanRun"/> accepts.</param>
    public static void Forward(Tensor x_TC, ChannelAffine? affine, Tensor y_TC, Tensor? addend_TC, double decay, NeuronOptions options)
    {
        using ChannelPattern channels = affine is null ? default : new(affine.Scale, affine.Shift, ForwardTile);
        var call = new ForwardCall(new Layer(x_TC, decay, options), channels, Pointer(x_TC), addend_TC is null ? null : Pointer(addend_TC), Pointer(y_TC));
        Run(call, options.Kind, x_TC.dtype, affine is not null);
        GC.KeepAlive(x_TC);
        GC.KeepAlive(addend_TC);
        GC.KeepAlive(y_TC);
    }

    /// <summary>Computes the gradients.</summary>
    /// <param name="x_T">Input currents, [T, ...], contiguous.</param>
    /// <param name="dy_T">dL/dy, same shape and type, contiguous.</param>
    /// <param name="dx_T">Receives dL/dx; same shape and type, contiguous.</param>
    /// <param name="decay">k = sigmoid(w), or the fixed decay.</param>
    /// <param name="options">A neuron that <see cref="CanRun"/> accepts.</param>
    /// <returns>dL/dw; 0 if the decay is fixed.</returns>
    public static double Backward(Tensor x_T, Tensor dy_T, Tensor dx_T, double decay, NeuronOptions options) =>
        Backward(x_T, null, null, dy_T, dx_T, decay, options, []);

    /// <summary>Computes the gradients for the currents x * scale + shift.</summary>
    /// <param name="x_TC">The input x, [T, ..., C], contiguous.</param>
    /// <param name="affine">Scale and shift of each channel; null if x is the current.</param>
    /// <param name="mean">Mean of x of each channel; null without affine.</param>
    /// <param name="dy_TC">dL/dy, same shape and type, contiguous.</param>
    /// <param name="gradient_TC">Receives dL/dcurrent; same shape and type, contiguous.</param>
    /// <param name="decay">k = sigmoid(w), or the fixed decay.</param>
    /// <param name="options">A neuron that <see cref="CanRun"/> accepts.</param>
    /// <param name="channelSums">[2 C]: receives each channel's sum of dL/dcurrent, then each channel's sum of dL/dcurrent (x - mean). Empty
    /// without affine.</param>
    /// <returns>dL/dw; 0 if the decay is fixed.</returns>
    public static double Backward(Tensor x_TC, ChannelAffine? affine, double[]? mean, Tensor dy_TC, Tensor gradient_TC, double decay,
        NeuronOptions options, Span<double> channelSums)
    {
        using ChannelPattern channels = affine is null ? default : new(affine.Scale, affine.Shift, BackwardTile, mean);
        var layer = new Layer(x_TC, decay, options);
        int stride = 1 + 2 * channels.Count;
        double[] sums = new double[layer.Chunks * stride];
        fixed (double* sum = sums)
            Run(new BackwardCall(layer, channels, Pointer(x_TC), Pointer(dy_TC), Pointer(gradient_TC), sum), options.Kind, x_TC.dtype, affine is not null);
        GC.KeepAlive(x_TC);
        GC.KeepAlive(dy_TC);
        GC.KeepAlive(gradient_TC);
        double total = 0;
        channelSums.Clear();
        for (int chunk = 0; chunk < layer.Chunks; chunk++)
        {
            total += sums[chunk * stride];
            for (int i = 0; i < channelSums.Length; i++) channelSums[i] += sums[chunk * stride + 1 + i];
        }
        // dk/dw = k (1 - k). The sums of dL/dcurrent (current - v) already contain the factor k, since dL/dcurrent = k dL/du.
        return total * (1 - decay);
    }

    private static void* Pointer(Tensor tensor) => TensorMemory.Pointer(tensor);

    /// <summary>A pass with its arguments. <c>Run</c> picks the type arguments, which are constants to the compiler: neuron,
    /// storage format and kind of input.</summary>
    private interface IPass
    {
        void Run<TNeuron, TStored, TInput>() where TNeuron : INeuron where TStored : unmanaged, IStorageFormat<TStored> where TInput : IInput;
    }

    private readonly struct ForwardCall(Layer layer, ChannelPattern channels, void* x, void* addend, void* y) : IPass
    {
        public void Run<TNeuron, TStored, TInput>() where TNeuron : INeuron where TStored : unmanaged, IStorageFormat<TStored> where TInput : IInput =>
            ComputeThreads.For(layer.Chunks, new ForwardPass<TNeuron, TStored, TInput>(layer, channels, (TStored*)x, (TStored*)addend, (TStored*)y));
    }

    private readonly struct BackwardCall(Layer layer, ChannelPattern channels, void* x, void* dy, void* dx, double* sums) : IPass
    {
        public void Run<TNeuron, TStored, TInput>() where TNeuron : INeuron where TStored : unmanaged, IStorageFormat<TStored> where TInput : IInput =>
            ComputeThreads.For(layer.Chunks, new BackwardPass<TNeuron, TStored, TInput>(layer, channels, (TStored*)x, (TStored*)dy, (TStored*)dx, sums));
    }

    private static void Run<TPass>(TPass pass, NeuronKind kind, ScalarType stored, bool isNormalised) where TPass : IPass
    {
        switch (kind)
        {
            case NeuronKind.Plif: Run<TPass, Plif>(pass, stored, isNormalised); break;
            case NeuronKind.Pliaf: Run<TPass, Pliaf>(pass, stored, isNormalised); break;
            case NeuronKind.Lif: Run<TPass, Lif>(pass, stored, isNormalised); break;
            case NeuronKind.Liaf: Run<TPass, Liaf>(pass, stored, isNormalised); break;
            default: Run<TPass, If>(pass, stored, isNormalised); break;
        }
    }

    private static void Run<TPass, TNeuron>(TPass pass, ScalarType stored, bool isNormalised) where TPass : IPass where TNeuron : INeuron
    {
        if (stored == ScalarType.Float32) Run<TPass, TNeuron, Float32Storage>(pass, isNormalised);
        else Run<TPass, TNeuron, BFloat16Storage>(pass, isNormalised);
    }

    private static void Run<TPass, TNeuron, TStored>(TPass pass, bool isNormalised)
        where TPass : IPass where TNeuron : INeuron where TStored : unmanaged, IStorageFormat<TStored>
    {
        if (isNormalised) pass.Run<TNeuron, TStored, Normalised>();
        else pass.Run<TNeuron, TStored, Plain>();
    }

    /// <summary>The kind of input; a constant to the compiler.</summary>
    private interface IInput
    {
        static abstract bool IsNormalised { get; }
    }

    /// <summary>The current is x.</summary>
    private readonly struct Plain : IInput
    {
        public static bool IsNormalised => false;
    }

    /// <summary>The current is x * scale + shift of its channel.</summary>
    private readonly struct Normalised : IInput
    {
        public static bool IsNormalised => true;
    }

    /// <summary>Returns 16 currents.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Current<TStored, TInput>(TStored* x, ChannelPattern here, int i)
        where TStored : unmanaged, IStorageFormat<TStored> where TInput : IInput => TInput.IsNormalised
        ? Vector512.FusedMultiplyAdd(TStored.Load(x + i), Vector512.Load(here.Scale + i), Vector512.Load(here.Shift + i))
        : TStored.Load(x + i);

    /// <summary>The differences between the neuron models; constants to the compiler.</summary>
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

    /// <summary>Computes u from x and v. Forward and backward pass must get the same bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Charge<TNeuron>(Vector512<float> x, Vector512<float> v, Vector512<float> k) where TNeuron : INeuron =>
        TNeuron.Leaks ? Vector512.FusedMultiplyAdd(x - v, k, v) : v + x;

    /// <summary>Computes v from u. NaN does not fire and remains NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Reset(Vector512<float> u, Vector512<float> threshold) =>
        Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(u, threshold), default, u);

    /// <summary>Copies the last elements of every time step, fewer than 16, into rows of 16 that end in zeros.</summary>
    private static void Pad<TStored>(TStored* from, long stride, int steps, int width, TStored* rows) where TStored : unmanaged
    {
        new Span<TStored>(rows, steps * Lanes).Clear();
        for (int t = 0; t < steps; t++) new Span<TStored>(from + t * stride, width).CopyTo(new Span<TStored>(rows + t * Lanes, width));
    }

    private static void Unpad<TStored>(TStored* rows, int steps, int width, TStored* to, long stride) where TStored : unmanaged
    {
        for (int t = 0; t < steps; t++) new Span<TStored>(rows + t * Lanes, width).CopyTo(new Span<TStored>(to + t * stride, width));
    }
}
