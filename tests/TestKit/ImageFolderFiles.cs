using SkiaSharp;

namespace Spikeformer.TestKit;

/// <summary>A small artificial image folder <c>train|val/CLASS/*</c>, deleted on disposal. Each class has its own colour, each image has
/// noise.</summary>
public sealed class ImageFolderFiles : IDisposable
{
    /// <summary>Creates the folder.</summary>
    /// <param name="classes">Number of classes, named <c>a</c>, <c>b</c> ...</param>
    /// <param name="train">Number of training images in each class.</param>
    /// <param name="test">Number of test images in each class.</param>
    public ImageFolderFiles(int classes = 2, int train = 3, int test = 2)
    {
        for (int c = 0; c < classes; c++)
        {
            for (int i = 0; i < train; i++) Write($"train/{(char)('a' + c)}/{i:D3}.jpg", Image(c, i));
            for (int i = 0; i < test; i++) Write($"val/{(char)('a' + c)}/{i:D3}.jpg", Image(c, 1000 + i));
        }
    }

    /// <summary>The folder.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("spikeformer-images-").FullName;

    /// <summary>Path of a file in the folder.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file, creating its folders.</summary>
    public void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], bytes);
    }

    /// <summary>Returns an encoded image of a class.</summary>
    public static byte[] Image(int label, int number, int width = 40, int height = 32, SKEncodedImageFormat format = SKEncodedImageFormat.Jpeg)
    {
        var random = new Random(1000 * label + number);
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                bitmap.SetPixel(x, y, new SKColor((byte)(label * 90 + random.Next(60)), (byte)(200 - label * 60 + random.Next(50)), (byte)(4 * x + random.Next(90))));
        using SKData encoded = bitmap.Encode(format, 90);
        return encoded.ToArray();
    }

    /// <summary>Deletes the folder.</summary>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
