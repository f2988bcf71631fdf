using Spikeformer.Clustering;

namespace Spikeformer.Cluster.Silos;

/// <summary>A grain that returns its location.</summary>
public interface IWhereabouts : IGrainWithStringKey
{
    /// <summary>Returns the name and the process id of its silo.</summary>
    Task<(string Silo, int ProcessId)> Where();

    /// <summary>Throws a <see cref="SpikeformerException"/>.</summary>
    Task Fail();
}

public interface IControlled : IWhereabouts;

public interface INamed : IWhereabouts;

public abstract class Whereabouts(ILocalSiloDetails silo) : Grain, IWhereabouts
{
    public Task<(string Silo, int ProcessId)> Where() => Task.FromResult((silo.Name, Environment.ProcessId));

    public Task Fail() => throw new SpikeformerException(ErrorKind.Conflict, "The name is taken", "Choose another");
}

[ControlPlacement]
public sealed class Controlled(ILocalSiloDetails silo) : Whereabouts(silo), IControlled;

[SiloNamePlacement]
public sealed class Named(ILocalSiloDetails silo) : Whereabouts(silo), INamed;

/// <summary>A grain with a record.</summary>
public interface ITally : IGrainWithStringKey
{
    /// <summary>Adds one and stores it.</summary>
    Task<int> Add();

    /// <summary>Clears the record.</summary>
    Task Clear();
}

[GenerateSerializer]
public sealed record TallyRecord
{
    [Id(0)] public int Count { get; init; }
    [Id(1)] public IReadOnlyList<string> Silos { get; init; } = [];
}

[ControlPlacement]
public sealed class Tally([PersistentState("tally", ClusterNames.RunStorage)] IPersistentState<TallyRecord> record, ILocalSiloDetails silo) : Grain, ITally
{
    public async Task<int> Add()
    {
        record.State = new() { Count = record.State.Count + 1, Silos = [.. record.State.Silos, silo.Name] };
        await record.WriteStateAsync();
        return record.State.Count;
    }

    public Task Clear() => record.ClearStateAsync();
}
