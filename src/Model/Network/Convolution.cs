using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>A 2-d convolution without bias.</summary>
internal static class Convolution
{
    private const long Block = 16;

    /// <summary>[G,C,H,W] with weights [C',C,k,k] to [G,C',H',W'].</summary>
    /// <remarks>libtorch 2.10 hands oneDNN's AVX-512 kernel for the input gradient blocks of 16 channels whose padding it has not cleared:
    /// with other channel counts the gradient depends on what was in that memory, NaN included. Narrow networks get explicit zeros.</remarks>
    public static Tensor Apply(Tensor x_GCHW, Tensor weight, long stride, long padding)
    {
        (long outputs, long inputs) = (weight.shape[0], weight.shape[1]);
        bool affected = x_GCHW.requires_grad && x_GCHW.dtype == ScalarType.Float32 && x_GCHW.device_type == DeviceType.CPU;
        if (!affected || (outputs % Block == 0 && inputs % Block == 0))
            return nn.functional.conv2d(x_GCHW, weight, null, [stride, stride], [padding, padding]);
        Tensor wideWeight = Widen(Widen(weight, 0), 1);
        Tensor y_GCHW = nn.functional.conv2d(Widen(x_GCHW, 1), wideWeight, null, [stride, stride], [padding, padding]);
        return y_GCHW.narrow(1, 0, outputs).contiguous();
    }

    /// <summary>Appends zeros along an axis up to a whole number of blocks.</summary>
    private static Tensor Widen(Tensor x, int axis)
    {
        long[] shape = x.shape;
        long missing = (Block - shape[axis] % Block) % Block;
        if (missing == 0) return x;
        shape[axis] = missing;
        return cat([x, zeros(shape, x.dtype, x.device)], axis);
    }
}
