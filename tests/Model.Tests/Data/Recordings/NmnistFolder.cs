using Spikeformer.Data.Events;
using Spikeformer.Recipes;

namespace Spikeformer.Model.Tests.Data.Recordings;

/// <summary>A small artificial data set in N-MNIST's layout, deleted on disposal.</summary>
internal sealed class NmnistFolder : IDisposable
{
    public static readonly FrameOptions Options = new(2, FramesBy.Number, 0, 34, 34, 0);

    public NmnistFolder(int events = 6)
    {
        for (int digit = 0; digit < 10; digit++)
        {
            for (int i = 0; i < 2; i++) Write($"Train/{digit}/{i + 1:D5}.bin", Recording(digit, i, events));
            Write($"Test/{digit}/00001.bin", Recording(digit, 5, events));
        }
    }

    public string Path { get; } = Directory.CreateTempSubdirectory("spikeformer-nmnist-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(File(name))!);
        System.IO.File.WriteAllBytes(File(name), bytes);
    }

    /// <summary>Event i is at the pixel (digit, i % 34), with a time and polarity derived from the number and i.</summary>
    public static byte[] Recording(int digit, int sample, int events) =>
        [.. Enumerable.Range(0, events).SelectMany(i => new[] { (byte)digit, (byte)(i % 34), (byte)(i % 2 << 7), (byte)sample,
            (byte)Math.Min(i, 255) })];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
