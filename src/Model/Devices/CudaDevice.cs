using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Devices;

/// <summary>A CUDA device that computes with libtorch's reproducible operations. The device writes gradients to page-locked host memory.</summary>
/// <remarks>Never run by its authors, who had neither a GPU nor the CUDA package. TorchSharp has no streams, so all work is on the device's
/// default stream. Copies to the host run while the host queues more work.</remarks>
internal sealed class CudaDevice : ComputeDevice
{
    private CudaDevice(string model) => Numerics = $"cuda {model}";

    /// <summary>Opens the first device that this process sees.</summary>
    /// <exception cref="SpikeformerException">This process sees no device (Failed), or CUDA's libraries cannot be made reproducible.</exception>
    public static CudaDevice Open()
    {
        if (CudaLibrary.Problem is { } problem)
            throw new SpikeformerException(ErrorKind.Failed, $"This worker cannot compute on a CUDA device: {problem.What}", problem.Remedy);
        CudaLibrary.BeReproducible();
        return new(CudaLibrary.Model(0));
    }

    public override string Numerics { get; }

    internal override bool HasOwnMemory => true;

    internal override Device Torch { get; } = new(DeviceType.CUDA, 0);

    internal override Tensor ToDevice(Tensor host) => host.to(Torch);

    internal override Tensor HostZeros(long length)
    {
        using Tensor pageable = zeros(length, ScalarType.Float32, CPU);
        return pageable.pin_memory();
    }

    internal override void CopyToHost(Tensor values, Tensor host) => host.copy_(values, nonBlocking: true);

    internal override void Synchronize() => cuda.synchronize(Torch);
}
