using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Spikeformer.Cluster.Silos;
using Spikeformer.Silo.Storage;

namespace Spikeformer.Cluster.Storage;

/// <summary>A file storage outside a silo, and one record in it.</summary>
internal static class Records
{
    public const string State = "tally";

    public static GrainId Grain { get; } = GrainId.Create("tally", "runs/1.0 ü");

    /// <summary>Returns the file of the record in the directory of the storage.</summary>
    public static string FileIn(string directory) => Path.Combine(directory, "tally", "runs%2F1%2E0%20%C3%BC.tally.json");

    public static FileGrainStorage StorageIn(string directory) => new(directory, new RecordSerializer(),
        new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<IActivatorProvider>(), TimeProvider.System);

    public static async Task<GrainState<TallyRecord>> ReadAsync(FileGrainStorage storage)
    {
        var state = new GrainState<TallyRecord>();
        await storage.ReadStateAsync(State, Grain, state);
        return state;
    }
}
