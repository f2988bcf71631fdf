using System.Globalization;

namespace Spikeformer.TestKit;

/// <summary>Writes small event data sets in the published layouts. The events come from a seeded blob that moves in a direction given by its
/// class.</summary>
public static class DvsTrees
{
    /// <summary>The classes of CIFAR10-DVS.</summary>
    public static readonly string[] CifarClasses = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    /// <summary>Returns the events of a sample, one every 50 microseconds from <paramref name="start"/>.</summary>
    public static MadeEvent[] Events(int seed, int label, int count, long start = 0)
    {
        var random = new Random(seed);
        double angle = 2 * Math.PI * label / 11, x = 64 + random.Next(-10, 10), y = 64 + random.Next(-10, 10);
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                double way = 40.0 * i / count - 20;
                return new MadeEvent(start + 50 * i, Pixel(x + way * Math.Cos(angle) + random.Next(-5, 6)), Pixel(y + way * Math.Sin(angle) + random.Next(-5, 6)),
                    random.Next(2));
            }),
        ];
    }

    /// <summary>Writes DVS128 Gesture as <c>extract/DvsGesture</c>: one trial per user, with all eleven gestures in sequence.</summary>
    /// <param name="root">The data set's folder.</param>
    /// <param name="users">The users. Those above 23 are for testing.</param>
    /// <param name="events">Number of events per gesture.</param>
    /// <param name="lists">Whether to write the lists of trials.</param>
    public static void Gesture(string root, int[] users, int events, bool lists = true)
    {
        string folder = Path.Combine(root, "extract", "DvsGesture");
        Directory.CreateDirectory(folder);
        foreach (int user in users)
        {
            string name = $"user{user:D2}_led";
            long length = 50 * events;
            MadeEvent[][] gestures = [.. Enumerable.Range(0, 11).Select(g => Events(100 * user + g, g, events, 1000 + g * length))];
            MadeEvent[] all = [.. gestures.SelectMany(gesture => gesture)];
            File.WriteAllBytes(Path.Combine(folder, $"{name}.aedat"), Aedat.File31([.. all.Chunk(100).Select(chunk => Aedat.Packet31(chunk))]));
            File.WriteAllLines(Path.Combine(folder, $"{name}_labels.csv"),
                ["class,startTime_usec,endTime_usec", .. Enumerable.Range(0, 11).Select(g => Line(g + 1, 1000 + g * length, 1000 + (g + 1) * length))]);
        }
        if (!lists) return;
        foreach ((string list, bool train) in new[] { ("trials_to_train.txt", true), ("trials_to_test.txt", false) })
            File.WriteAllLines(Path.Combine(folder, list), users.Where(user => user <= 23 == train).Select(user => $"user{user:D2}_led.aedat"));
    }

    /// <summary>Writes CIFAR10-DVS as <c>extract/CLASS/cifar10_CLASS_N.aedat</c>.</summary>
    /// <param name="root">The data set's folder.</param>
    /// <param name="perClass">Number of recordings per class.</param>
    /// <param name="events">Number of events per recording.</param>
    public static void Cifar10Dvs(string root, int perClass, int events)
    {
        for (int label = 0; label < CifarClasses.Length; label++)
        {
            string folder = Path.Combine(root, "extract", CifarClasses[label]);
            Directory.CreateDirectory(folder);
            for (int n = 0; n < perClass; n++)
                File.WriteAllBytes(Path.Combine(folder, $"cifar10_{CifarClasses[label]}_{n}.aedat"), Aedat.File20(
                    [.. Events(1000 * label + n, label, events).Select(e => (Aedat.Address(127 - e.Y, 127 - e.X, 1 - e.Polarity), (uint)e.Time))]));
        }
    }

    private static int Pixel(double at) => Math.Clamp((int)at, 0, 127);

    private static string Line(int label, long from, long to) => string.Create(CultureInfo.InvariantCulture, $"{label},{from},{to}");
}
