using Spikeformer.Data.Events;

namespace Spikeformer.Data.Synthetic;

/// <summary>
/// A simulated event camera. Each pixel remembers the logarithm of the brightness at its last event and sends an ON or OFF event whenever
/// the brightness has changed by its contrast threshold (Lichtsteiner et al., "A 128x128 120 dB 15 us latency asynchronous temporal contrast
/// vision sensor", 2008). Thresholds vary slightly between pixels, and pixels also fire at random.
/// </summary>
/// <remarks>Not thread-safe; use one camera per thread. All arithmetic is exact or correctly rounded, so recordings are the same on every
/// machine.</remarks>
internal sealed class SyntheticCamera
{
    private const int Moments = 72;
    private const long Microseconds = 1_000_000;
    private const double Contrast = 0.35, ContrastSpread = 0.08, NoisePerPixel = 0.05;

    private readonly double[] _memory, _brightness, _threshold;

    /// <summary>Creates a camera.</summary>
    public SyntheticCamera(SensorSize sensor, ulong seed)
    {
        Sensor = sensor;
        int pixels = sensor.Width * sensor.Height;
        (_memory, _brightness, _threshold) = (new double[pixels], new double[pixels], new double[pixels]);
        var random = new KeyedRandom(seed, RandomPurpose.Synthetic, c: 1);
        for (int i = 0; i < pixels; i++) _threshold[i] = Contrast * random.NextDouble(1 - ContrastSpread, 1 + ContrastSpread);
    }

    /// <summary>The size of the sensor.</summary>
    public SensorSize Sensor { get; }

    /// <summary>Records one second of a gesture.</summary>
    /// <param name="gesture">The gesture.</param>
    /// <param name="random">The keyed stream of the sample.</param>
    /// <param name="events">Receives the recording in order of time.</param>
    public void Record(SyntheticGesture gesture, ref KeyedRandom random, EventStream events)
    {
        var performance = new GesturePerformance(gesture, Sensor, ref random);
        double brightness = random.NextDouble(1.1, 1.5), stripes = random.NextDouble(1.4, 2.2), slant = random.NextDouble(-1, 1);
        events.Clear(Sensor, 4096);
        for (int moment = 0; moment <= Moments; moment++)
        {
            var (first, second) = performance.At((double)moment / Moments);
            Array.Clear(_brightness);
            Draw(first, brightness, stripes, slant);
            Draw(second, brightness, stripes, -slant);
            if (moment == 0) _brightness.CopyTo(_memory, 0);
            else Compare((moment - 1) * Microseconds / Moments, moment * Microseconds / Moments, events);
        }
        for (int noise = random.NextInt32(1 + (int)(2 * NoisePerPixel * _memory.Length)); noise > 0; noise--)
            events.Add(random.NextInt32((int)Microseconds), random.NextInt32(Sensor.Width), random.NextInt32(Sensor.Height),
                (byte)random.NextInt32(2));
        events.SortByTime();
    }

    /// <summary>Adds a striped disc with a soft rim to the logarithmic brightness of the scene.</summary>
    private void Draw(Patch patch, double brightness, double stripes, double slant)
    {
        double reach = patch.Radius * 1.3;
        int top = Math.Max(0, (int)(patch.Y - reach)), bottom = Math.Min(Sensor.Height - 1, (int)(patch.Y + reach) + 1);
        int left = Math.Max(0, (int)(patch.X - reach)), right = Math.Min(Sensor.Width - 1, (int)(patch.X + reach) + 1);
        for (int y = top; y <= bottom; y++)
            for (int x = left; x <= right; x++)
            {
                double dx = (x + 0.5 - patch.X) / patch.Radius, dy = (y + 0.5 - patch.Y) / patch.Radius;
                double rim = Math.Clamp((1.69 - dx * dx - dy * dy) / 1.2, 0, 1);
                double wave = 0.5 + 0.5 * Turns.Sin(stripes * 0.5 * (dx + slant * dy));
                ref double pixel = ref _brightness[y * Sensor.Width + x];
                pixel = Math.Max(pixel, brightness * rim * rim * (3 - 2 * rim) * (0.6 + 0.4 * wave));
            }
    }

    private void Compare(long before, long now, EventStream events)
    {
        for (int i = 0; i < _memory.Length; i++)
        {
            double change = _brightness[i] - _memory[i], threshold = _threshold[i];
            if (Math.Abs(change) < threshold) continue;
            int crossings = (int)(Math.Abs(change) / threshold);
            byte polarity = change > 0 ? (byte)1 : (byte)0;
            for (int k = 1; k <= crossings; k++)
                events.Add(before + (long)((now - before) * (k * threshold / Math.Abs(change))), i % Sensor.Width, i / Sensor.Width,
                    polarity);
            _memory[i] += (change > 0 ? threshold : -threshold) * crossings;
        }
    }
}
