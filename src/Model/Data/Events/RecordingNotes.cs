namespace Spikeformer.Data.Events;

/// <summary>Counts of everything unusual that a reader found in a recording.</summary>
/// <param name="OverflowWords">Words that advance the clock and are not events.</param>
/// <param name="BackwardSteps">Events that were earlier than the event before them. The reader sorted the recording by time.</param>
/// <param name="OtherWords">Words that are not events of the sensor, such as invalid events and external triggers. The reader skipped them.</param>
/// <param name="OutsideSensor">Events at pixels that the sensor does not have. The reader skipped them; more than 1 % of all events is an
/// error.</param>
/// <param name="MissingBytes">Bytes missing from the end of the file, as announced by its last packet. The reader kept the whole events
/// before them.</param>
public readonly record struct RecordingNotes(int OverflowWords, int BackwardSteps, int OtherWords = 0, int OutsideSensor = 0,
    long MissingBytes = 0)
{
    /// <summary>Rejects a recording with more than 1 % of its events outside the sensor: it comes from another camera or is damaged.</summary>
    /// <param name="events">Number of events on the sensor.</param>
    /// <param name="sensor">The sensor.</param>
    /// <param name="file">Name of the file, for the message.</param>
    /// <exception cref="SpikeformerException">More than 1 % of the events lie outside the sensor.</exception>
    internal void CheckSensor(int events, SensorSize sensor, string file)
    {
        if (OutsideSensor * 100L > (long)events + OutsideSensor)
            throw new SpikeformerException(ErrorKind.CheckFailed,
                $"{file}: {OutsideSensor:N0} of {(long)events + OutsideSensor:N0} events lie outside the sensor of {sensor} pixels",
                "The file is damaged or comes from another camera: copy it again or remove it");
    }
}
