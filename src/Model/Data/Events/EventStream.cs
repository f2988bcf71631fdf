namespace Spikeformer.Data.Events;

/// <summary>The pixels of an event camera.</summary>
/// <param name="Width">Columns, 1 to 65,535.</param>
/// <param name="Height">Rows, 1 to 65,535.</param>
public readonly record struct SensorSize(int Width, int Height)
{
    /// <summary>Rows by columns, as recipes and messages write it.</summary>
    public override string ToString() => $"{Height}x{Width}";
}

/// <summary>One recording of an event camera: its events in order, as one array per field (13 bytes per event). Clearing the stream keeps the arrays,
/// so one stream can hold many recordings in turn without new allocations.</summary>
/// <remarks>Not thread-safe. The stream grows without limit; readers limit the size of a recording.</remarks>
public sealed class EventStream
{
    private long[] _times = [];
    private ushort[] _x = [], _y = [];
    private byte[] _polarities = [];

    /// <summary>The sensor that made the recording.</summary>
    public SensorSize Sensor { get; private set; }

    /// <summary>Number of events.</summary>
    public int Count { get; private set; }

    /// <summary>Number of events that are earlier than the event before them; 0 when the recording is in order of time.</summary>
    public int BackwardSteps { get; private set; }

    /// <summary>Time of each event in microseconds. The recording chooses the origin.</summary>
    public ReadOnlySpan<long> Times => _times.AsSpan(0, Count);

    /// <summary>Column of each event, 0 to Sensor.Width-1, from the left.</summary>
    public ReadOnlySpan<ushort> X => _x.AsSpan(0, Count);

    /// <summary>Row of each event, 0 to Sensor.Height-1, from the top.</summary>
    public ReadOnlySpan<ushort> Y => _y.AsSpan(0, Count);

    /// <summary>Polarity of each event: 0 = OFF (darker), anything else = ON (brighter).</summary>
    public ReadOnlySpan<byte> Polarities => _polarities.AsSpan(0, Count);

    /// <summary>Removes all events and prepares for another recording.</summary>
    /// <param name="sensor">The sensor of the next recording.</param>
    /// <param name="capacity">Expected number of events. The stream can take more.</param>
    public void Clear(SensorSize sensor, int capacity = 0)
    {
        (Sensor, Count, BackwardSteps) = (sensor, 0, 0);
        if (capacity > _times.Length) Grow(capacity);
    }

    /// <summary>Appends an event.</summary>
    /// <param name="time">Microseconds.</param>
    /// <param name="x">Column.</param>
    /// <param name="y">Row.</param>
    /// <param name="polarity">0 = OFF, anything else = ON.</param>
    /// <exception cref="ArgumentOutOfRangeException">The pixel is not on the sensor.</exception>
    public void Add(long time, int x, int y, byte polarity)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)x, (uint)Sensor.Width, nameof(x));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)y, (uint)Sensor.Height, nameof(y));
        if (Count == _times.Length) Grow(Math.Max(1024, checked(Count * 2)));
        if (Count > 0 && time < _times[Count - 1]) BackwardSteps++;
        _times[Count] = time;
        _x[Count] = (ushort)x;
        _y[Count] = (ushort)y;
        _polarities[Count] = polarity;
        Count++;
    }

    /// <summary>Appends an event if its pixel lies on the sensor.</summary>
    /// <returns>Whether the event was appended.</returns>
    internal bool TryAdd(long time, int x, int y, byte polarity)
    {
        if ((uint)x >= (uint)Sensor.Width || (uint)y >= (uint)Sensor.Height) return false;
        Add(time, x, y, polarity);
        return true;
    }

    /// <summary>Sorts the events by time. Events of the same time keep their order.</summary>
    public void SortByTime()
    {
        if (BackwardSteps == 0) return;
        var order = new int[Count];
        for (int i = 0; i < Count; i++) order[i] = i;
        var times = _times;
        Array.Sort(order, (i, j) => times[i] != times[j] ? times[i].CompareTo(times[j]) : i.CompareTo(j));
        _times = Reordered(_times, order);
        _x = Reordered(_x, order);
        _y = Reordered(_y, order);
        _polarities = Reordered(_polarities, order);
        BackwardSteps = 0;
    }

    private static T[] Reordered<T>(T[] values, int[] order)
    {
        var result = new T[values.Length];
        for (int i = 0; i < order.Length; i++) result[i] = values[order[i]];
        return result;
    }

    private void Grow(int capacity)
    {
        Array.Resize(ref _times, capacity);
        Array.Resize(ref _x, capacity);
        Array.Resize(ref _y, capacity);
        Array.Resize(ref _polarities, capacity);
    }
}
