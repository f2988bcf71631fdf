namespace Spikeformer.Data.Events;

/// <summary>What a reader met in a recording besides plain events.</summary>
/// <param name="OverflowWords">Words that only move the clock on; they are no events.</param>
/// <param name="BackwardSteps">Events that were earlier than the one before them; the recording was put in order of time.</param>
/// <param name="OtherWords">Words that are no events of the sensor: marked invalid, external triggers. They were left out.</param>
/// <param name="OutsideSensor">Events at pixels that the sensor does not have. They were left out; more than one in a hundred are an
/// error.</param>
/// <param name="MissingBytes">Bytes that a recording's last packet promises and the file no longer has; whole events before them were
/// kept.</param>
public readonly record struct RecordingNotes(int OverflowWords, int BackwardSteps, int OtherWords = 0, int OutsideSensor = 0,
    long MissingBytes = 0)
{
    /// <summary>Refuses a recording with more than one event in a hundred outside its sensor: it is not what it was taken for.</summary>
    /// <param name="events">Events that are on the sensor.</param>
    /// <param name="sensor">The sensor.</param>
    /// <param name="file">Name of the file, for the message.</param>
    internal void CheckSensor(int events, SensorSize sensor, string file)
    {
        if (OutsideSensor * 100L > (long)events + OutsideSensor)
            throw new SpikeformerException(ErrorKind.CheckFailed,
                $"{file}: {OutsideSensor:N0} of {(long)events + OutsideSensor:N0} events lie outside the sensor of {sensor} pixels",
                "The file is damaged or of another camera: copy it again or remove it");
    }
}
