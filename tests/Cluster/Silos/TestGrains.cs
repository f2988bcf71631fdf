using Spikeformer.Clustering;

namespace Spikeformer.Cluster.Silos;

/// <summary>A grain that tells where it is.</summary>
public interface IWhereabouts : IGrainWithStringKey
{
    /// <summary>Name and process id of the silo that it is on.</summary>
    Task<(string Silo, int ProcessId)> Where();

    /// <summary>Throws an error of ours.</summary>
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

    /// <summary>Forgets all.</summary>
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
