using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.Intrinsics;
using System.Text.Json;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Data.Events;
using Spikeformer.Data.Formats;
using Spikeformer.Data.Images;
using Spikeformer.Numerics;
using Spikeformer.Recipes;

namespace Spikeformer.Benchmarks;

/// <summary>Reads files to frames on one core: recordings compared with NumPy and with one sequential pass over their bytes, photographs compared with
/// Pillow. Our process and the peer's alternate.</summary>
internal static class LoaderBenchmark
{
    private const int PassesOfRound = 5, Side = 224;

    // Keeps the compiler from leaving the pass over the bytes out.
    private static ulong s_sink;

    /// <param name="Data">The data pack; null times only a synthetic recording.</param>
    /// <param name="Rounds">Rounds of each side.</param>
    /// <param name="Python">Python that has NumPy and Pillow.</param>
    /// <param name="Json">Whether to print JSON.</param>
    public sealed record Options(string? Data, int Rounds, string Python, bool Json);

    /// <summary>Recordings of one kind, in memory.</summary>
    private sealed record Recordings(string Name, string Kind, FrameOptions Frames, string[] Paths)
    {
        public byte[][] Files { get; } = [.. Paths.Select(File.ReadAllBytes)];

        /// <summary>Reads one recording.</summary>
        public void Read(byte[] file, EventStream events)
        {
            if (Kind == "nmnist") NmnistReader.Read(file, Name, events);
            else Aedat20Reader.Read(file, Name, AddressConvention.SpikingJelly, events);
        }
    }

    private sealed record PeerFigures(string Peer, double DecodeSeconds, double Seconds);

    /// <param name="Name">The kind of recordings or photographs.</param>
    /// <param name="Items">The number of events or photographs.</param>
    /// <param name="Bytes">The size of their files in bytes.</param>
    /// <param name="DecodeSeconds">The time to decode events or pixels.</param>
    /// <param name="Seconds">The time to read frames.</param>
    /// <param name="FloorSeconds">The time of one sequential pass over the bytes; NaN for photographs.</param>
    /// <param name="Peer">The peer's library, or null.</param>
    /// <param name="PeerDecodeSeconds">The peer's time to decode events or pixels.</param>
    /// <param name="PeerSeconds">The peer's time to read frames.</param>
    private sealed record Row(string Name, long Items, long Bytes, double DecodeSeconds, double Seconds, double FloorSeconds,
        string? Peer, double PeerDecodeSeconds, double PeerSeconds)
    {
        public double PerSecond => Items / Seconds;
        public double Ratio => PeerSeconds / Seconds;
        public double DecodeRatio => PeerDecodeSeconds / DecodeSeconds;
    }

    public static void Run(Options options)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("spikeformer-loader-");
        try
        {
            Row[] events = [.. Recorded(options.Data, folder.FullName).Select(recordings => Measure(recordings, options, folder.FullName))];
            string? photographs = options.Data is { } data ? Path.Combine(data, "images", "flowers") : null;
            Row? images = photographs is not null && Directory.Exists(photographs) ? Measure(photographs, options, folder.FullName) : null;
            if (images is null) Console.Error.WriteLine("No photographs: name the data pack with --data or SPIKEFORMER_TEST_DATA.");
            if (events[0].Peer is null) Console.Error.WriteLine($"No peer: {options.Python} lacks NumPy or Pillow. Timing our side alone.");
            if (options.Json) Console.WriteLine(JsonSerializer.Serialize(new { benchmark = "loader", machine = Machine.This(1), options.Rounds, events, images },
                new JsonSerializerOptions { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals }));
            else Print(events, images);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<Recordings> Recorded(string? data, string folder)
    {
        var dvs = new FrameOptions(TimeSteps: 4, FramesBy.Number, 0, Height: 128, Width: 128, Clip: 0);
        string made = Path.Combine(folder, "made.aedat");
        File.WriteAllBytes(made, Made(events: 200_000));
        yield return new("made up, AEDAT 2.0", "aedat2", dvs, [made]);
        string box = Path.Combine(data ?? "", "aedat2", "dvs128_moving_dark_box_200k.aedat"), digits = Path.Combine(data ?? "", "nmnist", "Train");
        if (data is not null && File.Exists(box)) yield return new("DVS128 camera, AEDAT 2.0", "aedat2", dvs, [box]);
        if (data is not null && Directory.Exists(digits))
            yield return new("N-MNIST", "nmnist", dvs with { Height = 34, Width = 34 }, Directory.GetFiles(digits, "*.bin", SearchOption.AllDirectories));
    }

    /// <summary>A recording of as many events as those of CIFAR10-DVS, at random pixels.</summary>
    private static byte[] Made(int events)
    {
        var random = new KeyedRandom(1, RandomPurpose.Synthetic);
        byte[] header = [.. "#!AER-DAT2.0\r\n"u8], file = new byte[header.Length + 8 * events];
        header.CopyTo(file, 0);
        for (int i = 0, at = header.Length; i < events; i++, at += 8)
        {
            BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(at), random.NextUInt32() & 0x7fff);
            BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(at + 4), (uint)(6 * i));
        }
        return file;
    }

    private static Row Measure(Recordings recordings, Options options, string folder)
    {
        var events = new EventStream();
        float[] frames = new float[recordings.Frames.Shape.Elements];
        long count = 0;
        foreach (byte[] file in recordings.Files)
        {
            recordings.Read(file, events);
            count += events.Count;
        }
        return Measure(recordings.Name, count, recordings.Files.Sum(file => (long)file.Length), options, recordings.Paths, folder,
            ["events", recordings.Kind, $"{recordings.Frames.TimeSteps}", $"{recordings.Frames.Width}"],
            () =>
            {
                foreach (byte[] file in recordings.Files) recordings.Read(file, events);
            },
            () =>
            {
                foreach (byte[] file in recordings.Files)
                {
                    recordings.Read(file, events);
                    EventFrames.Fill(events, recordings.Frames, frames);
                }
            },
            () =>
            {
                foreach (byte[] file in recordings.Files) s_sink += Sum(file);
            });
    }

    /// <summary>The training photographs of a folder, through the data set as a run reads it: file, hash, decoder, crop, flip, policy, numbers.</summary>
    private static Row Measure(string photographs, Options options, string folder)
    {
        var recipe = new DataRecipe { Kind = DataKind.ImageFolder, TimeSteps = 4, Canvas = [Side, Side], Augmentation = Augmentation.ImageNet, RandomErasing = 0 };
        using IDataset dataset = DatasetCatalogue.Open(recipe, photographs, new() { Folder = Path.Combine(folder, "cache") });
        int count = dataset.Count(Split.Train);
        float[] frame = new float[dataset.Shape.Elements];
        string[] paths = [.. Enumerable.Range(0, count).Select(i => Path.Combine(photographs, ((ImageFolderDataset)dataset).PathOf(Split.Train, i)))];
        var file = new ImageFile();
        int epoch = 0;
        return Measure("photographs", count, paths.Sum(path => new FileInfo(path).Length), options, paths, folder, ["images", $"{Side}"],
            () =>
            {
                foreach (string path in paths) file.Inspect(path);
            },
            () =>
            {
                epoch++;
                for (int i = 0; i < count; i++) dataset.Read(Split.Train, i, new KeyedRandom(1, RandomPurpose.Augmentation, epoch, i), frame);
            },
            floor: null);
    }

    private static Row Measure(string name, long items, long bytes, Options options, string[] paths, string folder, string[] peer, Action decode, Action whole, Action? floor)
    {
        string list = Path.Combine(folder, "list.txt");
        File.WriteAllText(list, string.Join('\n', paths));
        var ours = new List<Alternation.Time[]>();
        var peers = new List<PeerFigures>();
        for (int round = 0; round < options.Rounds; round++)
        {
            ours.Add(floor is null ? Alternation.Run(PassesOfRound, decode, whole) : Alternation.Run(PassesOfRound, decode, whole, floor));
            string? output = PythonPeer.Run(options.Python, [Path.Combine(AppContext.BaseDirectory, "loader_peer.py"), .. peer, list, $"{PassesOfRound}"]);
            if (output is not null) peers.Add(JsonSerializer.Deserialize<PeerFigures>(output, JsonSerializerOptions.Web)!);
        }
        return new(name, items, bytes, Ours(0), Ours(1), floor is null ? double.NaN : Ours(2), peers.FirstOrDefault()?.Peer,
            Median(peers.Select(figures => figures.DecodeSeconds)), Median(peers.Select(figures => figures.Seconds)));

        double Ours(int side) => Median(ours.Select(times => times[side].Median / 1000));
    }

    /// <summary>Reads every byte once: the least that reading events can cost.</summary>
    private static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        Vector512<ulong> sum = Vector512<ulong>.Zero;
        for (; bytes.Length >= 64; bytes = bytes[64..]) sum += Vector512.Create<byte>(bytes).AsUInt64();
        return Vector512.Sum(sum);
    }

    private static void Print(Row[] events, Row? images)
    {
        Machine machine = Machine.This(1);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{machine.Processor}, {machine.Cores} cores, {machine.VectorWidth}, {machine.Runtime}; one thread a side; ") +
            $"peer {events[0].Peer ?? "none"}{(images?.Peer is { } pillow ? $", {pillow}" : "")}; JPEG by {ImageDecoder.JpegLibrary}");
        Console.WriteLine("| recordings | events | M events/s | GB/s | floor GB/s | NumPy M events/s | ratio | reading alone, M events/s | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");
        foreach (Row row in events)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {row.Name} | {row.Items:N0} | {row.PerSecond / 1e6:F1} | {row.Bytes / row.Seconds / 1e9:F2} | {row.Bytes / row.FloorSeconds / 1e9:F1} | ") + string.Create(CultureInfo.InvariantCulture,
                $"{row.Items / row.PeerSeconds / 1e6:F1} | {row.Ratio:F1} | {row.Items / row.DecodeSeconds / 1e6:F1} | {row.DecodeRatio:F1} |"));
        if (images is null) return;
        Console.WriteLine();
        Console.WriteLine("| photographs | images/s per core | Pillow | ratio | decoding alone, images/s | Pillow | ratio |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {images.Items} | {images.PerSecond:F0} | {images.Items / images.PeerSeconds:F0} | {images.Ratio:F2} ") +
            string.Create(CultureInfo.InvariantCulture, $"| {images.Items / images.DecodeSeconds:F0} | {images.Items / images.PeerDecodeSeconds:F0} | {images.DecodeRatio:F2} |"));
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[sorted.Length / 2];
    }
}
