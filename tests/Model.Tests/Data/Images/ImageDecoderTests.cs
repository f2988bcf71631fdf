using System.Security.Cryptography;
using Spikeformer.Data.Images;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Images;

public sealed class ImageDecoderTests
{
    /// <summary>The first 16 digits of the SHA-256 of Pillow 9.4's <c>convert('RGB').tobytes()</c> with libjpeg-turbo 2.1.5.</summary>
    private static readonly Dictionary<string, string> PillowProbes = new()
    {
        ["baseline420.jpg"] = "2cde73aa29b1c4b0",
        ["cmyk.jpg"] = "c2579a77b3694ad0",
        ["colour.bmp"] = "7b82c428d5c78f8f",
        ["colour.png"] = "82f18d24cdd08bc4",
        ["full444.jpg"] = "55ecac1508405a12",
        ["grey-alpha.png"] = "e0f4020cd9d4cbad",
        ["grey.jpg"] = "5fc8ba004ce3acb4",
        ["lossy.webp"] = "036d073d9527b21b",
        ["palette.gif"] = "611d8a716967f2ae",
        ["progressive422.jpg"] = "f55002eaf8e226eb",
    };

    public static TheoryData<bool> Decoders => [false, true];

    [Theory, MemberData(nameof(Decoders))]
    public void Every_format_decodes_to_the_same_pixels_as_Pillow(bool turbo)
    {
        RequireTurbo(turbo);
        Assert.Equal(PillowProbes, ImageDecoder.Probes().ToDictionary(probe => probe.Name, probe => Digest(probe.File, turbo)));
    }

    [Fact]
    public void The_identity_is_a_digest_that_does_not_change()
    {
        Assert.Matches("^[0-9a-f]{32}$", ImageDecoder.Identity);
        Assert.Equal(ImageDecoder.Identity, ImageDecoder.Identity);
    }

    [Theory]
    [InlineData(0, "it is empty")]
    [InlineData(1, "it is not a JPEG, PNG, GIF, BMP or WebP image")]
    [InlineData(300, "it is not a JPEG, PNG, GIF, BMP or WebP image")]
    public void Files_that_are_not_images_are_rejected(int length, string problem) =>
        Assert.Equal(problem, ImageDecoder.Decode(new byte[length], new PixelImage()));

    [Theory, MemberData(nameof(Decoders))]
    public void A_file_that_ends_early_is_rejected_wherever_it_ends(bool turbo)
    {
        RequireTurbo(turbo);
        var image = new PixelImage();
        foreach ((string name, byte[] file) in ImageDecoder.Probes().Where(probe => !probe.Name.EndsWith("bmp", StringComparison.Ordinal)))
            for (int cut = 1; cut < file.Length * 3 / 4; cut++)
                Assert.True(ImageDecoder.Decode(file.AsSpan(0, cut), image, turbo) is not null, $"{name} cut at {cut} of {file.Length}");
    }

    // Another decoder gives other pixels, so the choice must not depend on the files that this thread has decoded before.
    [Fact]
    public void A_file_that_ends_in_its_header_changes_nothing_for_the_next_file_of_this_thread()
    {
        RequireTurbo(turbo: true);
        var image = new PixelImage();
        foreach ((string name, byte[] file) in ImageDecoder.Probes().Where(probe => probe.Name.EndsWith("jpg", StringComparison.Ordinal)))
            for (int cut = 3; cut < 700; cut += 7)
            {
                ImageDecoder.Decode(file.AsSpan(0, cut), image, turbo: true);
                Assert.True(TurboJpeg.TryDecode(file, image, out string? problem), $"{name} after its first {cut} bytes");
                Assert.Null(problem);
                Assert.Equal(PillowProbes[name], Digest(file, turbo: true));
            }
    }

    [Theory, MemberData(nameof(Decoders))]
    public void Damage_gives_pixels_or_a_problem_but_never_a_crash(bool turbo)
    {
        RequireTurbo(turbo);
        var random = new Random(1);
        var image = new PixelImage();
        int problems = 0;
        foreach ((_, byte[] file) in ImageDecoder.Probes())
            for (int i = 0; i < 100; i++)
            {
                byte[] damaged = [.. file];
                for (int k = 0; k < 3; k++) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                if (ImageDecoder.Decode(damaged, image, turbo) is not null) problems++;
            }
        Assert.InRange(problems, 1, 999);
    }

    [Fact]
    public void A_size_above_Pillows_limit_is_rejected_before_allocating_memory()
    {
        byte[] file = [.. ImageDecoder.Probes().Single(probe => probe.Name == "colour.bmp").File];
        BitConverter.TryWriteBytes(file.AsSpan(18), 30_000);
        BitConverter.TryWriteBytes(file.AsSpan(22), 30_000);
        Assert.Equal("its 30000x30000 pixels exceed the limit of 178,956,970", ImageDecoder.Decode(file, new PixelImage()));
    }

    public static TheoryData<string, string> OddFiles => new()
    {
        { "gif_named_as.JPEG", "7578762e570ef751" },
        { "hopper.bmp", "87ce2dc3eea0549d" },
        { "hopper.gif", "7578762e570ef751" },
        { "hopper.jpg", "719b9eeda0a26779" },
        { "hopper.png", "87ce2dc3eea0549d" },
        { "hopper.webp", "dcfa3934d73500bc" },
        { "hopper_16bit_qtables.jpg", "670ec3f629994c6c" },
        { "hopper_gray.jpg", "af02452b49f6f7ed" },
        // The EXIF orientation is ignored, so each of these files has different pixels.
        { "hopper_orientation_2.jpg", "04857776583a30ac" },
        { "hopper_orientation_3.jpg", "a5d3218790b3b46d" },
        { "hopper_orientation_4.jpg", "be5bccdd856c73ee" },
        { "hopper_orientation_5.jpg", "babba6c0d46dea51" },
        { "hopper_orientation_6.jpg", "054b80361ba3a307" },
        { "hopper_orientation_7.jpg", "de05172a28d5d3a3" },
        { "hopper_orientation_8.jpg", "9af2c6eade7151ce" },
        { "icc-after-SOF.jpg", "d13d4a8b3b8add19" },
        { "invalid-exif.jpg", "f1f826d1d7e5adde" },
        { "jpeg_ff00_header.jpg", "801f1f2a4ceec133" },
        { "junk_jpeg_header.jpg", "c65b2f96bfb5ca96" },
        { "pil_sample_cmyk.jpg", "5f547263ecc1ead3" },
        { "pil_sample_rgb.jpg", "53031526f70af494" },
        { "png_named_as.JPEG", "87ce2dc3eea0549d" },
        { "truncated_app14.jpg", "53031526f70af494" },
    };

    [Theory, MemberData(nameof(OddFiles))]
    public void Unusual_files_decode_to_the_same_pixels_as_Pillow(string name, string digest)
    {
        byte[] file = File.ReadAllBytes(Path.Combine(TestData.Folder("images/odd"), name));
        Assert.Equal(digest, Digest(file, turbo: false));
        if (TurboJpeg.IsAvailable) Assert.Equal(digest, Digest(file, turbo: true));
    }

    [Theory]
    [InlineData("empty.JPEG", false, "it is empty")]
    [InlineData("truncated_jpeg.jpg", false, "its data is damaged (InvalidInput)")]
    [InlineData("truncated_jpeg.jpg", true, "the file ends before the image is complete")]
    [InlineData("truncated_image.png", false, "the file ends before the image is complete")]
    [InlineData("broken.png", false, "it is not a JPEG, PNG, GIF, BMP or WebP image")]
    [InlineData("broken_data_stream.png", false, "its data is damaged (ErrorInInput)")]
    public void Broken_files_are_rejected_with_a_reason(string name, bool turbo, string problem)
    {
        RequireTurbo(turbo);
        byte[] file = File.ReadAllBytes(Path.Combine(TestData.Folder("images/odd"), name));
        Assert.Equal(problem, ImageDecoder.Decode(file, new PixelImage(), turbo));
    }

    private static string Digest(byte[] file, bool turbo)
    {
        var image = new PixelImage();
        return ImageDecoder.Decode(file, image, turbo) ?? Convert.ToHexStringLower(SHA256.HashData(image.ToRgb()))[..16];
    }

    private static void RequireTurbo(bool turbo) => Assert.SkipUnless(!turbo || TurboJpeg.IsAvailable, "needs the system's libturbojpeg0");
}
