using Spikeformer.Devices;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>The product of rows and a matrix, for linear layers and 1x1 convolutions.</summary>
internal static class RowProduct
{
    /// <summary>Maps [..., I] with weights [O, I] to [..., O], in the type of x.</summary>
    /// <remarks>float32 is computed as a 1x1 convolution, for which oneDNN uses AVX-512. libtorch's own float32 product uses MKL's AVX2 path on
    /// processors not made by Intel, at half the speed. oneDNN chooses AVX-512 from 16 images up, for any number of threads. libtorch computes
    /// widths above 32 that are no multiple of 16, because oneDNN computes 1x1 convolutions to 36 channels wrongly.</remarks>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor? bias = null)
    {
        if (weight.dtype != x.dtype) (weight, bias) = (weight.to(x.dtype), bias?.to(x.dtype));
        long inputs = weight.shape[1], outputs = weight.shape[0], rows = x.NumberOfElements / inputs;
        bool isSafe = rows >= MinImages && (outputs <= 32 || outputs % 16 == 0);
        if (x.dtype != ScalarType.Float32 || !OwnKernels.CanRun(x) || !isSafe) return nn.functional.linear(x, weight, bias);
        long images = Images(rows);
        Tensor x_GCHW = x.reshape(images, 1, rows / images, inputs).permute(0, 3, 1, 2);
        Tensor y_GCHW = nn.functional.conv2d(x_GCHW, weight.view(outputs, inputs, 1, 1), bias);
        long[] shape = x.shape;
        shape[^1] = outputs;
        return y_GCHW.permute(0, 2, 3, 1).reshape(shape);
    }

    private const long MinImages = 16;

    /// <summary>Returns the smallest number of images, at least 16, that divides the number of rows.</summary>
    private static long Images(long rows)
    {
        long images = MinImages;
        while (rows % images != 0) images++;
        return images;
    }
}
