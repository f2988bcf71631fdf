using System.Collections.Concurrent;
using System.Globalization;
using Orleans.Storage;

namespace Spikeformer.Grains.Tests.Runs;

/// <summary>Conditional writes in memory. Others may write in between, and writes may fail.</summary>
internal sealed class FakeStorage : IGrainStorage
{
    private readonly ConcurrentDictionary<string, (object State, int Version)> _records = [];
    private readonly ConcurrentDictionary<string, Exception> _failures = [];

    /// <summary>The record of a grain, as it is stored now.</summary>
    public T Of<T>(IAddressable grain) => (T)_records[grain.GetGrainId().ToString()].State;

    /// <summary>Another activation somewhere wins the race for a record.</summary>
    public void Overtake<T>(IAddressable grain, Func<T, T> change)
    {
        string key = grain.GetGrainId().ToString();
        (object state, int version) = _records[key];
        _records[key] = (change((T)state)!, version + 1);
    }

    /// <summary>The next write of a grain fails, as on a full disk.</summary>
    public void FailNextWrite(IAddressable grain) => _failures[grain.GetGrainId().ToString()] = new IOException("No space left on device");

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (_records.TryGetValue(grainId.ToString(), out var record))
            (grainState.State, grainState.ETag, grainState.RecordExists) = ((T)record.State, Tag(record.Version), true);
        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        string key = grainId.ToString();
        if (_failures.TryRemove(key, out Exception? failure)) throw failure;
        int version = _records.TryGetValue(key, out var record) ? record.Version : 0;
        string? stored = version == 0 ? null : Tag(version);
        if (grainState.ETag != stored) throw new InconsistentStateException("Somebody else wrote.", stored, grainState.ETag);
        _records[key] = (grainState.State!, version + 1);
        (grainState.ETag, grainState.RecordExists) = (Tag(version + 1), true);
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new NotSupportedException();

    private static string Tag(int version) => version.ToString(CultureInfo.InvariantCulture);
}
