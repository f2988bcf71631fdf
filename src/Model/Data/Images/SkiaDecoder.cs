using SkiaSharp;

namespace Spikeformer.Data.Images;

/// <summary>Decodes JPEG, PNG, GIF (first image only), BMP and WebP with Skia, without colour management and EXIF rotation.</summary>
internal static unsafe class SkiaDecoder
{
    private static readonly SKEncodedImageFormat[] s_formats =
        [SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Png, SKEncodedImageFormat.Gif, SKEncodedImageFormat.Bmp, SKEncodedImageFormat.Webp];

    /// <summary>Decodes an image.</summary>
    /// <param name="file">The bytes of the file.</param>
    /// <param name="image">Receives the pixels.</param>
    /// <returns>Null on success; otherwise the problem, a clause to put after the file name.</returns>
    public static string? Decode(ReadOnlySpan<byte> file, PixelImage image)
    {
        fixed (byte* bytes = file)
        {
            using SKData data = SKData.Create((nint)bytes, file.Length);
            using SKCodec? codec = SKCodec.Create(data);
            if (codec is null || !s_formats.Contains(codec.EncodedFormat)) return "it is not a JPEG, PNG, GIF, BMP or WebP image";
            (int width, int height) = (codec.Info.Width, codec.Info.Height);
            if (ImageDecoder.IsTooLarge(width, height)) return ImageDecoder.TooLarge(width, height);
            image.Resize(width, height);
            var wanted = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, null);
            fixed (byte* pixels = image.Bytes)
                return codec.GetPixels(wanted, (nint)pixels) switch
                {
                    SKCodecResult.Success => null,
                    SKCodecResult.IncompleteInput => "the file ends before the image is complete",
                    SKCodecResult result => $"its data is damaged ({result})",
                };
        }
    }
}
