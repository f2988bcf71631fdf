using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>A two-dimensional convolution without bias, channels last.</summary>
internal static class Convolution
{
    /// <summary>Maps [T,B,H,W,C] with weights [C',C,k,k] to [T,B,H',W',C'], contiguous, in the type of x.</summary>
    /// <remarks>With channels last, oneDNN uses our memory directly; it would convert planes to blocks and back for every convolution. The
    /// neurons, token rows and LayerNorm that follow also need the channels of a pixel next to each other.</remarks>
    public static Tensor Apply(Tensor x_TBHWC, Tensor weight, long stride, long padding)
    {
        if (weight.shape[2] == 1 && stride == 1) return RowProduct.Apply(x_TBHWC, weight.flatten(1));
        long[] shape = x_TBHWC.shape;
        Tensor x_GCHW = x_TBHWC.flatten(0, 1).permute(0, 3, 1, 2);
        if (weight.dtype != x_GCHW.dtype) weight = weight.to(x_GCHW.dtype);
        long outputs = weight.shape[0];
        if (shape[4] == 1) (x_GCHW, weight) = (WithSecond(x_GCHW, 1), WithSecond(weight, 1));
        if (outputs == 1) weight = WithSecond(weight, 0);
        Tensor y_GCHW = nn.functional.conv2d(x_GCHW, weight, null, [stride, stride], [padding, padding]);
        if (outputs == 1) y_GCHW = y_GCHW.narrow(1, 0, 1);
        Tensor y_GHWC = y_GCHW.permute(0, 2, 3, 1).contiguous();
        return y_GHWC.view(shape[0], shape[1], y_GHWC.shape[1], y_GHWC.shape[2], y_GHWC.shape[3]);
    }

    /// <summary>Appends a channel of zeros. libtorch takes a single channel for planes, and the oneDNN kernels that it then chooses read
    /// uninitialised padding, which may hold NaN.</summary>
    private static Tensor WithSecond(Tensor x, int axis) => cat([x, zeros_like(x)], axis);
}
