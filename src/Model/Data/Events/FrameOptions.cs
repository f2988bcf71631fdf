namespace Spikeformer.Data.Events;

/// <summary>How to turn a recording into frames: the checked and completed <c>data</c> fields of a recipe.</summary>
/// <param name="TimeSteps">T, the number of frames.</param>
/// <param name="By">How to cut the events into frames.</param>
/// <param name="FrameMicroseconds">Length of a frame in microseconds for <see cref="FramesBy.Duration"/>; otherwise 0.</param>
/// <param name="Height">Rows of the canvas.</param>
/// <param name="Width">Columns of the canvas.</param>
/// <param name="Clip">Upper limit of a pixel's count; 0 for no limit.</param>
/// <param name="Addresses">How the address bits of a DVS128 recording map to pixels. Only CIFAR10-DVS recordings use it.</param>
public sealed record FrameOptions(int TimeSteps, FramesBy By, long FrameMicroseconds, int Height, int Width, int Clip,
    AddressConvention Addresses = AddressConvention.SpikingJelly)
{
    /// <summary>Largest number of values of one sample: 256 MiB of float32.</summary>
    public const int MaxElements = 1 << 26;

    /// <summary>The shape of the frames, [T,2,H,W].</summary>
    public SampleShape Shape => new(TimeSteps, 2, Height, Width);

    /// <summary>One line of text that differs for any two options whose frames could differ.</summary>
    public string Key => $"frames/1 T={TimeSteps} by={By} us={FrameMicroseconds} canvas={Height}x{Width} clip={Clip}"
        + (Addresses == AddressConvention.SpikingJelly ? "" : $" addresses={Addresses}");

    /// <summary>Checks the <c>data</c> fields of a recipe against the sensor.</summary>
    /// <exception cref="SpikeformerException">A field is missing or out of range, or the sensor is larger than the canvas (Usage). The
    /// message names the field.</exception>
    public static FrameOptions From(DataRecipe recipe, SensorSize sensor)
    {
        if (recipe.TimeSteps is < 1 or > 1024) throw Wrong("timeSteps", $"{recipe.TimeSteps} is not between 1 and 1024");
        if (recipe.Clip is < 1 or > 1 << 24) throw Wrong("clip", $"{recipe.Clip} is not between 1 and 2^24");
        if (recipe.FramesBy == FramesBy.Duration && recipe.FrameMicroseconds is not > 0)
            throw Wrong("frameMicroseconds", "framesBy 'duration' needs the length of a frame, above 0");
        if (recipe.FramesBy != FramesBy.Duration && recipe.FrameMicroseconds is not null)
            throw Wrong("frameMicroseconds", "only framesBy 'duration' uses it");
        var (height, width) = Canvas(recipe) ?? (sensor.Height, sensor.Width);
        if (height < sensor.Height || width < sensor.Width)
            throw Wrong("canvas", $"{height}x{width} is smaller than the sensor's {sensor} pixels");
        if ((long)recipe.TimeSteps * 2 * height * width > MaxElements)
            throw Wrong("canvas", $"{recipe.TimeSteps} frames of {height}x{width} pixels exceed the limit of {MaxElements:N0} values");
        return new(recipe.TimeSteps, recipe.FramesBy, recipe.FrameMicroseconds ?? 0, height, width, recipe.Clip ?? 0,
            recipe.Addresses ?? AddressConvention.SpikingJelly);
    }

    /// <summary>The canvas that a recipe gives, or null when the frames have the size of the sensor.</summary>
    /// <exception cref="SpikeformerException">The canvas is not two numbers from 1 to 65,535 (Usage).</exception>
    public static (int Height, int Width)? Canvas(DataRecipe recipe) => recipe.Canvas switch
    {
        null => null,
        [>= 1 and <= ushort.MaxValue, >= 1 and <= ushort.MaxValue] canvas => (canvas[0], canvas[1]),
        _ => throw Wrong("canvas",
            $"[{string.Join(", ", recipe.Canvas)}] is not two numbers, rows and columns, from 1 to {ushort.MaxValue}"),
    };

    /// <summary>Lowers all counts above <see cref="Clip"/> to it; does nothing without a limit.</summary>
    internal void LimitCounts(Span<float> frames_TCHW)
    {
        if (Clip == 0) return;
        foreach (ref float count in frames_TCHW) count = Math.Min(count, Clip);
    }

    private static SpikeformerException Wrong(string field, string why) =>
        new(ErrorKind.Usage, $"recipe field data.{field}: {why}", $"Correct data.{field} in the recipe");
}
