using System.IO.Hashing;

namespace Spikeformer.Data.Images;

/// <summary>
/// Decodes photographs to 8-bit RGB as Pillow's <c>convert('RGB')</c> does, by content whatever the file's name: grey and palette images get three
/// channels, CMYK is converted, alpha is dropped. The EXIF orientation and colour profiles are not applied: torchvision does not either.
/// </summary>
/// <remarks>JPEG goes through TurboJPEG where the system has it, everything else through Skia. Which pixels a lossy file becomes is up to the
/// decoder, so <see cref="Identity"/> is part of a run's numerics.</remarks>
public static class ImageDecoder
{
    /// <summary>Pillow's limit against decompression bombs.</summary>
    private const long MaxPixels = 178_956_970;

    private const string ProbePrefix = "Spikeformer.Probes.";
    private static readonly Lazy<string> s_identity = new(Probe);

    /// <summary>Digest of what this process's decoders make of a few images that come with the program: equal on machines that decode alike.</summary>
    public static string Identity => s_identity.Value;

    /// <summary>Which library decodes JPEG in this process.</summary>
    public static string JpegLibrary => TurboJpeg.IsAvailable ? "TurboJPEG" : "Skia";

    /// <summary>Decodes an image.</summary>
    /// <param name="file">The bytes of the file.</param>
    /// <param name="image">Receives the pixels; worthless when there is a problem.</param>
    /// <returns>Null, or why it is no image that can be used: a clause that follows the file's name.</returns>
    public static string? Decode(ReadOnlySpan<byte> file, PixelImage image) => Decode(file, image, TurboJpeg.IsAvailable);

    internal static string? Decode(ReadOnlySpan<byte> file, PixelImage image, bool turbo)
    {
        if (file.IsEmpty) return "it is empty";
        bool jpeg = file.Length > 2 && file[0] == 0xff && file[1] == 0xd8;
        return turbo && jpeg && TurboJpeg.TryDecode(file, image, out string? problem) ? problem : SkiaDecoder.Decode(file, image);
    }

    internal static bool IsTooLarge(int width, int height) => (long)width * height > MaxPixels;

    internal static string TooLarge(int width, int height) => FormattableString.Invariant($"its {width}x{height} pixels are more than {MaxPixels:N0}");

    /// <summary>The images that tell decoders apart, by name.</summary>
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
                throw new SpikeformerException(ErrorKind.Failed, $"The image decoder cannot read {name}, which comes with the program: {problem}",
                    "Build again from a clean checkout, or decode with Skia alone: SPIKEFORMER_IMAGE_DECODER=skia");
            hash.Append(image.ToRgb());
        }
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
