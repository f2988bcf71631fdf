using Spikeformer.Data.Images;
using Spikeformer.TestKit;

namespace Spikeformer.Parity;

/// <summary>Converts arrays of golden files to images.</summary>
internal static class PixelImages
{
    /// <summary>Converts an 8-bit array [H,W,3] to an image.</summary>
    public static PixelImage Of(GoldenTensor tensor)
    {
        var image = new PixelImage();
        image.Resize((int)tensor.Shape[1], (int)tensor.Shape[0]);
        for (int i = 0; i < image.Width * image.Height; i++)
        {
            tensor.Bytes.AsSpan(3 * i, 3).CopyTo(image.Bytes[(4 * i)..]);
            image.Bytes[4 * i + 3] = (byte)i; // unused byte, must not influence the result
        }
        return image;
    }
}
