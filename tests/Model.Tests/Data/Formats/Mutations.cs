using Spikeformer.Data.Events;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Formats;

/// <summary>Damages a file in many ways and checks that a reader handles all of them.</summary>
internal static class Mutations
{
    private const int Rounds = 3000;

    /// <summary>Reads seeded mutations of a valid file. Each must be read, or rejected with an error that names the file. All events must be in
    /// order of time and on the sensor.</summary>
    /// <param name="good">The valid file.</param>
    /// <param name="seed">Seed of the mutations.</param>
    /// <param name="read">Reads a file into <paramref name="events"/>.</param>
    /// <param name="name">The file name that errors must contain.</param>
    /// <param name="events">Receives the events; null if the reader reads none.</param>
    public static void Try(byte[] good, int seed, Action<byte[]> read, string name, EventStream? events)
    {
        var random = new Random(seed);
        int refused = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = Mutate(good, random);
            try
            {
                read(bytes);
            }
            catch (SpikeformerException error)
            {
                Assert.Contains(name, error.Message);
                refused++;
                continue;
            }
            if (events is null) continue;
            Assert.Equal(0, events.BackwardSteps);
            for (int i = 0; i < events.Count; i++)
                Assert.True(events.X[i] < events.Sensor.Width && events.Y[i] < events.Sensor.Height);
        }
        Assert.InRange(refused, Rounds / 20, Rounds - 1);
    }

    private static byte[] Mutate(byte[] good, Random random)
    {
        List<byte> bytes = [.. good];
        for (int change = random.Next(1, 5); change > 0 && bytes.Count > 0; change--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)(random.Next(2) * 255); break;
                case 2: bytes.RemoveRange(at, Math.Min(random.Next(1, 40), bytes.Count - at)); break;
                case 3: bytes.InsertRange(at, good[..random.Next(Math.Min(good.Length, 40))]); break;
                case 4: bytes.RemoveRange(at, bytes.Count - at); break;
                default:
                    for (int i = at; i < Math.Min(at + 4, bytes.Count); i++) bytes[i] = (byte)random.Next(256);
                    break;
            }
        }
        return [.. bytes];
    }
}
