using static TorchSharp.torch;

namespace Spikeformer.Devices;

/// <summary>The device on which a process computes its shards. CPU kernels work on the training state's own memory. A device with its own memory receives
/// copies of weights and frames and returns gradients. The training state itself is always on the host, so the optimizer, digests, checkpoints and transports
/// are the same for every device.</summary>
/// <remarks>A device executes its work in the order of the calls; <see cref="Synchronize"/> waits for it. Not thread-safe.</remarks>
public abstract class ComputeDevice
{
    private protected ComputeDevice()
    {
    }

    /// <summary>The CPU.</summary>
    public static ComputeDevice Cpu { get; } = new CpuDevice();

    /// <summary>Opens the device of a worker.</summary>
    /// <param name="name">The worker's device: <c>cpu:0</c> and so on, or <c>cuda:0</c> and so on. A silo lets each CUDA worker see one device
    /// (<c>CUDA_VISIBLE_DEVICES</c>), so every CUDA name opens the first visible device.</param>
    /// <exception cref="SpikeformerException">libtorch cannot compute on a CUDA device here (Failed), or the environment does not make CUDA
    /// reproducible (Usage).</exception>
    public static ComputeDevice Open(string name) => name.StartsWith("cuda:", StringComparison.Ordinal) ? CudaDevice.Open() : Cpu;

    /// <summary>The part of the device that a run's bits depend on: <c>cpu</c>, or the model of the CUDA device, by which its libraries choose
    /// their kernels.</summary>
    public abstract string Numerics { get; }

    /// <summary>Whether tensors of this device are in memory that the host cannot read.</summary>
    internal abstract bool HasOwnMemory { get; }

    /// <summary>The libtorch device.</summary>
    internal abstract Device Torch { get; }

    /// <summary>Returns a host tensor on this device; on the CPU, the tensor itself.</summary>
    internal abstract Tensor ToDevice(Tensor host);

    /// <summary>Returns zeros on the host, float32 [length], in memory that this device can read and write by itself.</summary>
    internal abstract Tensor HostZeros(long length);

    /// <summary>Queues a copy to a tensor of <see cref="HostZeros"/>; it is complete after <see cref="Synchronize"/>.</summary>
    internal abstract void CopyToHost(Tensor values, Tensor host);

    /// <summary>Waits until all queued work is done.</summary>
    internal abstract void Synchronize();

    /// <summary>Prepares this thread for computing, until the result is disposed.</summary>
    internal virtual IDisposable? Enter() => null;

    private sealed class CpuDevice : ComputeDevice
    {
        public override string Numerics => "cpu";

        internal override bool HasOwnMemory => false;

        internal override Device Torch => CPU;

        internal override Tensor ToDevice(Tensor host) => host;

        internal override Tensor HostZeros(long length) => zeros(length, ScalarType.Float32, CPU);

        internal override void CopyToHost(Tensor values, Tensor host) => throw new InvalidOperationException("The CPU computes in the host's memory.");

        internal override void Synchronize()
        {
        }
    }
}
