using Spikeformer.Devices;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>Rows times a matrix: the product inside linear layers and 1x1 convolutions.</summary>
internal static class RowProduct
{
    /// <summary>[..., I] with weights [O, I] to [..., O], in the type of x.</summary>
    /// <remarks>float32 goes as a 1x1 convolution: oneDNN then takes its AVX-512 path, where libtorch's own float32 product runs in MKL's AVX2
    /// path on processors that are not Intel's, at half the rate. It does so from 16 images on, whatever the number of threads. Widths
    /// above 32 that are not whole blocks of 16 channels stay with libtorch: oneDNN gets 1x1 convolutions to 36 channels wrong.</remarks>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor? bias = null)
    {
        if (weight.dtype != x.dtype) (weight, bias) = (weight.to(x.dtype), bias?.to(x.dtype));
        long inputs = weight.shape[1], outputs = weight.shape[0], rows = x.NumberOfElements / inputs;
        bool isSafe = rows >= MinImages && (outputs <= 32 || outputs % 16 == 0);
        if (x.dtype != ScalarType.Float32 || !OwnKernels.Reach(x) || !isSafe) return nn.functional.linear(x, weight, bias);
        long images = Images(rows);
        Tensor x_GCHW = x.reshape(images, 1, rows / images, inputs).permute(0, 3, 1, 2);
        Tensor y_GCHW = nn.functional.conv2d(x_GCHW, weight.view(outputs, inputs, 1, 1), bias);
        long[] shape = x.shape;
        shape[^1] = outputs;
        return y_GCHW.permute(0, 2, 3, 1).reshape(shape);
    }

    private const long MinImages = 16;

    /// <summary>The smallest number of images, 16 or more, that the rows divide into.</summary>
    private static long Images(long rows)
    {
        long images = MinImages;
        while (rows % images != 0) images++;
        return images;
    }
}
