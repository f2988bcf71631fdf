using static TorchSharp.torch;

namespace Spikeformer.Devices;

/// <summary>
/// Where a process computes its shards: the CPU, whose kernels work on the training state's own memory, or a device with memory of its
/// own, which gets copies of weights and frames and hands gradients back. The training state itself is always on the host, so optimizer,
/// digests, checkpoints and transports are the same for all.
/// </summary>
/// <remarks>All work of a device is queued in one order, that of the calls; <see cref="Await"/> waits for it. One thread uses it.</remarks>
public abstract class ComputeDevice
{
    private protected ComputeDevice()
    {
    }

    /// <summary>The CPU.</summary>
    public static ComputeDevice Cpu { get; } = new CpuDevice();

    /// <summary>The device of a worker: <c>cpu:0</c> and so on are the CPU, <c>cuda:0</c> and so on the first CUDA device that
    /// <c>CUDA_VISIBLE_DEVICES</c> leaves this process, since whoever starts a worker leaves it one.</summary>
    /// <exception cref="SpikeformerException">libtorch cannot compute on a CUDA device here.</exception>
    public static ComputeDevice Open(string name) => name.StartsWith("cuda:", StringComparison.Ordinal) ? CudaDevice.Open() : Cpu;

    /// <summary>What a run's bits depend on: <c>cpu</c>, or the model of the CUDA device, by which its libraries choose their kernels.</summary>
    public abstract string Numerics { get; }

    /// <summary>Whether tensors of this device lie in memory that the host cannot read.</summary>
    internal abstract bool HasOwnMemory { get; }

    /// <summary>The device as libtorch names it.</summary>
    internal abstract Device Torch { get; }

    /// <summary>A tensor of the host for operations of this device; the same memory where that will do.</summary>
    internal abstract Tensor Take(Tensor host);

    /// <summary>Zeros on the host, float32 [length], that this device can copy to and from while the host does something else.</summary>
    internal abstract Tensor HostZeros(long length);

    /// <summary>Queues a copy from this device to a tensor of <see cref="HostZeros"/>, which holds it after <see cref="Await"/>.</summary>
    internal abstract void Give(Tensor values, Tensor host);

    /// <summary>Waits until everything queued is done.</summary>
    internal abstract void Await();

    /// <summary>Prepares this thread for computing until the result is disposed.</summary>
    internal virtual IDisposable? Enter() => null;

    private sealed class CpuDevice : ComputeDevice
    {
        public override string Numerics => "cpu";

        internal override bool HasOwnMemory => false;

        internal override Device Torch => CPU;

        internal override Tensor Take(Tensor host) => host;

        internal override Tensor HostZeros(long length) => zeros(length, ScalarType.Float32, CPU);

        internal override void Give(Tensor values, Tensor host) => throw new InvalidOperationException("The CPU computes in the host's memory.");

        internal override void Await()
        {
        }
    }
}
