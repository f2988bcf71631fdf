using static TorchSharp.torch;

namespace Spikeformer.Training;

/// <summary>The contribution of a shard to a step, and also the sum over all shards: one flat float32 vector. It starts with the gradient, followed by
/// BatchNorm statistics and a few counts, so that one all-reduce completes the whole step.</summary>
public sealed class StepVector : IDisposable
{
    private readonly long _parameters;
    private readonly int _statistics;

    /// <summary>Creates a vector of zeros for a network.</summary>
    /// <param name="layout">The layout of the network.</param>
    /// <param name="device">The device that fills the vector, which determines the kind of memory; null for the CPU.</param>
    public StepVector(Network.StateLayout layout, Devices.ComputeDevice? device = null)
    {
        (_parameters, _statistics) = (layout.ParameterCount, layout.StatisticsCount);
        Values = (device ?? Devices.ComputeDevice.Cpu).HostZeros(Length(layout)).DetachFromDisposeScope();
        Gradient = Values.narrow(0, 0, _parameters).DetachFromDisposeScope();
    }

    /// <summary>Returns the number of values of a network's step vectors.</summary>
    public static long Length(Network.StateLayout layout) => layout.ParameterCount + 2L * layout.StatisticsCount + Tail.Count;

    /// <summary>All values, float32 on the CPU. This object owns the tensor.</summary>
    public Tensor Values { get; }

    /// <summary>The gradient: a view of the first values, in layout order. This object owns the tensor.</summary>
    public Tensor Gradient { get; }

    /// <summary>The mean of the shard's batch for every BatchNorm channel; after the reduction, the sum over shards.</summary>
    public Span<float> BatchMeans => All.Slice((int)_parameters, _statistics);

    /// <summary>The unbiased variance of the shard's batch for every BatchNorm channel; after the reduction, the sum over shards.</summary>
    public Span<float> BatchVariances => All.Slice((int)_parameters + _statistics, _statistics);

    /// <summary>The number of samples.</summary>
    public long Samples { get => (long)this[Tail.Samples]; set => this[Tail.Samples] = value; }

    /// <summary>The loss: the sum over the samples, divided by the number of samples of the global batch.</summary>
    public float Loss { get => this[Tail.Loss]; set => this[Tail.Loss] = value; }

    /// <summary>The number of samples whose label had the largest logit.</summary>
    public long Top1 { get => (long)this[Tail.Top1]; set => this[Tail.Top1] = value; }

    /// <summary>The number of samples whose label was among the five largest logits.</summary>
    public long Top5 { get => (long)this[Tail.Top5]; set => this[Tail.Top5] = value; }

    /// <summary>The number of shards with samples, the divisor of the BatchNorm statistics.</summary>
    public int FilledShards { get => (int)this[Tail.FilledShards]; set => this[Tail.FilledShards] = value; }

    /// <summary>The number of shards whose gradient or loss is not finite. Above 0, every worker skips the update.</summary>
    public int NonFiniteShards { get => (int)this[Tail.NonFiniteShards]; set => this[Tail.NonFiniteShards] = value; }

    /// <summary>The sum modulo 2^64 of the sample hashes (see <see cref="Ledger"/>), stored as four exact 16-bit counts.</summary>
    public ulong LedgerSum
    {
        get
        {
            ulong sum = 0;
            for (int piece = 0; piece < 4; piece++) sum += (ulong)this[Tail.Ledger + piece] << (16 * piece);
            return sum;
        }
        set
        {
            for (int piece = 0; piece < 4; piece++) this[Tail.Ledger + piece] = (ushort)(value >> (16 * piece));
        }
    }

    /// <summary>All bytes, for digests and transports; valid until this object is disposed.</summary>
    public ReadOnlySpan<byte> Bytes => System.Runtime.InteropServices.MemoryMarshal.AsBytes(All);

    /// <summary>Sets the vector to zero.</summary>
    public void Clear() => All.Clear();

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Gradient.Dispose();
        Values.Dispose();
    }

    internal unsafe float* Pointer => (float*)TensorMemory.Pointer(Values);

    private Span<float> All => TensorMemory.Span<float>(Values);

    private ref float this[int tail] => ref All[(int)_parameters + 2 * _statistics + tail];

    private static class Tail
    {
        public const int Samples = 0, Loss = 1, Top1 = 2, Top5 = 3, FilledShards = 4, NonFiniteShards = 5, Ledger = 6, Count = 10;
    }
}
