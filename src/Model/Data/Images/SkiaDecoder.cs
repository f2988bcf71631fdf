using SkiaSharp;

namespace Spikeformer.Data.Images;

/// <summary>Decodes JPEG, PNG, GIF (its first picture), BMP and WebP with Skia: stored values, no colour management, no EXIF rotation.</summary>
internal static unsafe class SkiaDecoder
{
    private static readonly SKEncodedImageFormat[] s_formats =
        [SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Png, SKEncodedImageFormat.Gif, SKEncodedImageFormat.Bmp, SKEncodedImageFormat.Webp];

    /// <summary>Decodes an image.</summary>
    /// <param name="file">Its bytes.</param>
    /// <param name="image">Receives the pixels.</param>
    /// <returns>Why the result cannot be used; null when it can.</returns>
    public static string? Decode(ReadOnlySpan<byte> file, PixelImage image)
    {
        fixed (byte* bytes = file)
        {
            using SKData data = SKData.Create((nint)bytes, file.Length);
            using SKCodec? codec = SKCodec.Create(data);
            if (codec is null || !s_formats.Contains(codec.EncodedFormat)) return "it is no JPEG, PNG, GIF, BMP or WebP image";
            (int width, int height) = (codec.Info.Width, codec.Info.Height);
            if (ImageDecoder.IsTooLarge(width, height)) return ImageDecoder.TooLarge(width, height);
            image.Resize(width, height);
            var wanted = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, null);
            fixed (byte* pixels = image.Bytes)
                return codec.GetPixels(wanted, (nint)pixels) switch
                {
                    SKCodecResult.Success => null,
                    SKCodecResult.IncompleteInput => "it ends before the image does",
                    SKCodecResult result => $"its data are damaged ({result})",
                };
        }
    }
}
