using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>A 2-d convolution without bias, channels last.</summary>
internal static class Convolution
{
    /// <summary>[T,B,H,W,C] with weights [C',C,k,k] to [T,B,H',W',C'], contiguous, in the type of x.</summary>
    /// <remarks>Channels last, because oneDNN then works on our memory as it is, where it would turn planes into blocks and back for every
    /// convolution; and because what follows, neurons, token rows, LayerNorm, wants the channels of a pixel together.</remarks>
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

    /// <summary>Appends a channel of zeros. One channel alone looks like planes to libtorch, and the oneDNN kernels that it then takes read
    /// padding that nobody has cleared: other memory's values, NaN included.</summary>
    private static Tensor WithSecond(Tensor x, int axis) => cat([x, zeros_like(x)], axis);
}
