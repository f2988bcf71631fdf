using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Devices;

/// <summary>A CUDA device by libtorch's operations, every one of them reproducible; gradients go to page-locked host memory, which the
/// device writes by itself.</summary>
/// <remarks>Not run by those who wrote it: they had neither a GPU nor the CUDA package. TorchSharp has no streams, so all work is on the
/// device's default stream, and copies to the host run while the host queues what comes next.</remarks>
internal sealed class CudaDevice : ComputeDevice
{
    private CudaDevice(string model) => Numerics = $"cuda {model}";

    /// <summary>The first device that this process sees.</summary>
    /// <exception cref="SpikeformerException">There is none, or its libraries cannot be made reproducible.</exception>
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

    internal override Tensor Take(Tensor host) => host.to(Torch);

    internal override Tensor HostZeros(long length)
    {
        using Tensor pageable = zeros(length, ScalarType.Float32, CPU);
        return pageable.pin_memory();
    }

    internal override void Give(Tensor values, Tensor host) => host.copy_(values, nonBlocking: true);

    internal override void Await() => cuda.synchronize(Torch);
}
