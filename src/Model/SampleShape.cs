namespace Spikeformer;

/// <summary>The shape of one sample's frames, [T,C,H,W].</summary>
/// <param name="TimeSteps">Number of frames: T for recordings, 1 for still images, which the network repeats.</param>
/// <param name="Channels">2 for events (OFF, ON), 3 for colour images.</param>
/// <param name="Height">Rows, pixels.</param>
/// <param name="Width">Columns, pixels.</param>
public readonly record struct SampleShape(int TimeSteps, int Channels, int Height, int Width)
{
    /// <summary>Number of values in one sample.</summary>
    public int Elements => checked(TimeSteps * Channels * Height * Width);
}
