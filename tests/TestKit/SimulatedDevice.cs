using Spikeformer.Devices;
using static TorchSharp.torch;

namespace Spikeformer.TestKit;

/// <summary>A device with its own memory, simulated by the CPU. All data is copied to and from it, and libtorch's operations compute on it.
/// Copies to the host arrive only when they are awaited, as can happen on a real device.</summary>
public sealed class SimulatedDevice : ComputeDevice
{
    private readonly List<(Tensor Values, Tensor Host)> _copies = [];

    /// <inheritdoc/>
    public override string Numerics => "simulated";

    internal override bool HasOwnMemory => true;

    internal override Device Torch => CPU;

    internal override Tensor ToDevice(Tensor host) => host.clone();

    internal override Tensor HostZeros(long length) => zeros(length, ScalarType.Float32, CPU);

    internal override void CopyToHost(Tensor values, Tensor host) => _copies.Add((values.clone().DetachFromDisposeScope(), host));

    internal override void Synchronize()
    {
        foreach ((Tensor values, Tensor host) in _copies)
        {
            host.copy_(values);
            values.Dispose();
        }
        _copies.Clear();
    }

    internal override IDisposable Enter() => OwnKernels.Suspend();
}
