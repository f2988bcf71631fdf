using System.IO.Hashing;

namespace Spikeformer.Data.Images;

/// <summary>
/// Decodes photographs to 8-bit RGB, as Pillow's <c>convert('RGB')</c> does. The content determines the format, not the file name. Grey and palette
/// images get three channels, CMYK is converted, alpha is dropped. Like torchvision, the decoder ignores EXIF orientation and colour profiles.
/// </summary>
/// <remarks>TurboJPEG decodes JPEG if the system has it; Skia decodes everything else. The pixels of a lossy file depend on the decoder, so
/// <see cref="Identity"/> is part of a run's numerics.</remarks>
public static class ImageDecoder
{
    /// <summary>Pillow's limit against decompression bombs.</summary>
    private const long MaxPixels = 178_956_970;

    private const string ProbePrefix = "Spikeformer.Probes.";
    private static readonly Lazy<string> s_identity = new(Probe);

    /// <summary>Digest of the pixels that this process decodes from a few embedded images. Machines that decode alike have the same digest.</summary>
    public static string Identity => s_identity.Value;

    /// <summary>The library that decodes JPEG in this process.</summary>
    public static string JpegLibrary => TurboJpeg.IsAvailable ? "TurboJPEG" : "Skia";

    /// <summary>Decodes an image.</summary>
    /// <param name="file">The bytes of the file.</param>
    /// <param name="image">Receives the pixels. Undefined if there is a problem.</param>
    /// <returns>Null on success; otherwise the problem, a clause to put after the file name.</returns>
    public static string? Decode(ReadOnlySpan<byte> file, PixelImage image) => Decode(file, image, TurboJpeg.IsAvailable);

    internal static string? Decode(ReadOnlySpan<byte> file, PixelImage image, bool turbo)
    {
        if (file.IsEmpty) return "it is empty";
        bool jpeg = file.Length > 2 && file[0] == 0xff && file[1] == 0xd8;
        return turbo && jpeg && TurboJpeg.TryDecode(file, image, out string? problem) ? problem : SkiaDecoder.Decode(file, image);
    }

    internal static bool IsTooLarge(int width, int height) => (long)width * height > MaxPixels;

    internal static string TooLarge(int width, int height) => FormattableString.Invariant($"its {width}x{height} pixels exceed the limit of {MaxPixels:N0}");

    /// <summary>The embedded images that distinguish decoders.</summary>
    internal static IEnumerable<(string Name, byte[] File)> Probes()
    {
        var assembly = typeof(ImageDecoder).Assembly;
        string[] names = assembly.GetManifestResourceNames();
        foreach (string name in names.Where(name => name.StartsWith(ProbePrefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using Stream stream = assembly.GetManifestResourceStream(name)!;
            var file = new byte[stream.Length];
            stream.ReadExactly(file);
            yield return (name[ProbePrefix.Length..], file);
        }
    }

    private static string Probe()
    {
        var hash = new XxHash128();
        var image = new PixelImage();
        foreach ((string name, byte[] file) in Probes())
        {
            if (Decode(file, image) is { } problem)
                throw new SpikeformerException(ErrorKind.Failed, $"The image decoder cannot read the built-in image {name}: {problem}",
                    "Rebuild from a clean checkout, or set SPIKEFORMER_IMAGE_DECODER=skia to decode with Skia only");
            hash.Append(image.ToRgb());
        }
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
