using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using SkiaSharp;
using Spikeformer.Data.Images;
using Spikeformer.Training;

namespace Spikeformer.Benchmarks;

/// <summary>Photographs to frames, on one thread: decoding alone, which is the floor, and with each way to a 224x224 frame.</summary>
/// <remarks>Counts the thread's processor time, so that neighbours on the machine matter less.</remarks>
internal static class ImageBenchmark
{
    private const int Images = 24;

    private sealed record Row(string What, double ImagesPerSecond, double OfFloor);

    public static void Run(string? folder, int rounds, bool json)
    {
        byte[][] files = folder is null
            ? [.. Enumerable.Range(0, Images).Select(Photograph)]
            : [.. Directory.EnumerateFiles(folder, "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(Images).Select(File.ReadAllBytes)];
        if (files.Length == 0) throw new SpikeformerException(ErrorKind.NotFound, $"{folder} holds no .jpg", "Give a folder of photographs");
        var image = new PixelImage();
        var frame = new float[3 * 224 * 224];
        var ways = new List<(string What, Action<byte[], int> Do)> { ("decode (Skia)", (file, _) => ImageDecoder.Decode(file, image, turbo: false)) };
        if (TurboJpeg.IsAvailable) ways.Insert(0, ("decode (TurboJPEG)", (file, _) => ImageDecoder.Decode(file, image, turbo: true)));
        var evaluation = new ImageTransform(new());
        ways.Add(("decode, evaluation transform", (file, _) =>
        {
            ImageDecoder.Decode(file, image);
            evaluation.Apply(image, null, frame);
        }));
        foreach (AutoAugment policy in new[] { AutoAugment.None, AutoAugment.ImageNet, AutoAugment.Ra, AutoAugment.TaWide })
        {
            var transform = new ImageTransform(new(AutoAugment: policy));
            ways.Add(($"decode, training transform, autoAugment {policy}", (file, sample) =>
            {
                ImageDecoder.Decode(file, image);
                transform.Apply(image, new KeyedRandom(1, RandomPurpose.Augmentation, 0, sample), frame);
            }));
        }
        var times = ways.Select(_ => new List<double>()).ToArray();
        for (int round = -1; round < rounds; round++) // one to warm up
            for (int w = 0; w < ways.Count; w++)
            {
                TimeSpan before = Process.GetCurrentProcess().TotalProcessorTime;
                for (int i = 0; i < files.Length; i++) ways[w].Do(files[i], round * files.Length + i + Images);
                double seconds = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
                if (round >= 0) times[w].Add(files.Length / Math.Max(seconds, 1e-9));
            }
        double[] rates = [.. times.Select(rate => rate.Order().ElementAt(rate.Count / 2))];
        Row[] rows = [.. ways.Select((way, w) => new Row(way.What, rates[w], rates[w] / rates[0]))];
        var machine = Machine.This(1);
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { benchmark = "images", machine, rounds, bytes = files.Average(file => file.Length), rows }));
            return;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{machine.Processor}, one thread, {files.Length} files of {files.Average(file => file.Length) / 1024:0} KiB, medians of {rounds} rounds"));
        Console.WriteLine();
        Console.WriteLine("| way | images/s | of the first |");
        Console.WriteLine("|---|---|---|");
        foreach (Row row in rows) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {row.What} | {row.ImagesPerSecond:0} | {row.OfFloor:0.00} |"));
    }

    /// <summary>A made-up picture of the size and with about the bytes of an ImageNet photograph.</summary>
    private static byte[] Photograph(int number)
    {
        var random = new Random(number);
        using var bitmap = new SKBitmap(500, 375, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (int y = 0; y < bitmap.Height; y++)
            for (int x = 0; x < bitmap.Width; x++)
            {
                double wave = 110 + 70 * Math.Sin(x / (9.0 + number)) * Math.Cos(y / 23.0);
                bitmap.SetPixel(x, y, new SKColor((byte)(wave + random.Next(40)), (byte)(wave / 2 + y / 4 + random.Next(40)), (byte)(200 - wave / 2 + random.Next(40))));
            }
        using SKData encoded = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
        return encoded.ToArray();
    }
}
