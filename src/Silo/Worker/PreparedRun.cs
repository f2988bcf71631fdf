using System.IO.Hashing;
using Spikeformer.Contracts;
using Spikeformer.Data;
using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.ObjectStore;
using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker;

/// <summary>What a worker holds of a run from the first report to the last: data, network, state. Belongs to the compute thread.</summary>
internal sealed class PreparedRun : IDisposable
{
    private PreparedRun(RunSpec spec, Recipe recipe, IDataset dataset, ComputeDevice device, TimeProvider time)
    {
        (Spec, Recipe, Dataset) = (spec, recipe, dataset);
        Network = new(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        State = new(Network, recipe);
        Order = new(recipe.Seed, dataset.Count(Split.Train), recipe.Batch, recipe.Shards);
        Engine = new(Network, State.Parameters, recipe, device);
        Loader = new(dataset, Split.Train, Order, recipe.Data.Augmentation == Augmentation.None ? null : recipe.Seed, threads: LoaderThreads(recipe.Data.Kind));
        Description = RunDescription.Of(spec.Name, recipe, spec.DataPath, dataset, time.GetUtcNow(), device) with
        {
            StartId = spec.StartId, Checkpoints = spec.Checkpoints ?? CheckpointPlaces.DefaultOf(spec.Name),
        };
        Directory = new(spec.OutDirectory);
        Reduced = new(Network.Layout);
        Kept = new(StepVector.Length(Network.Layout));
        Fingerprint = Probe();
    }

    /// <summary>Opens device and data and builds the network; the state is that before the first step.</summary>
    /// <exception cref="SpikeformerException">Recipe or data are wrong, or the device cannot be used.</exception>
    public static PreparedRun Open(RunSpec spec, string device, Action<string> warn, TimeProvider time)
    {
        Recipe recipe = RecipeReader.Read(spec.Recipe, spec.Name);
        ComputeDevice computer = ComputeDevice.Open(device);
        LibTorch.UseOnThisThread(recipe.Threads);
        var cache = new FrameCacheOptions { Warn = warn };
        if (spec.CacheDirectory is { } folder) cache = cache with { Folder = folder };
        IDataset dataset = DatasetCatalogue.Open(recipe.Data, spec.DataPath, cache);
        try
        {
            return new(spec, recipe, dataset, computer, time);
        }
        catch
        {
            dataset.Dispose();
            throw;
        }
    }

    public RunSpec Spec { get; }

    public Recipe Recipe { get; }

    public IDataset Dataset { get; }

    public SpikeformerNetwork Network { get; }

    public TrainingState State { get; }

    public TrainingProgress Progress { get; } = new();

    public EpochOrder Order { get; }

    public ShardEngine Engine { get; }

    public BatchLoader Loader { get; }

    /// <summary>Where steps are reduced into.</summary>
    public ReducedVectors Reduced { get; }

    /// <summary>Lines of the last steps.</summary>
    public RecentSteps Recent { get; } = new();

    /// <summary>Sums of a step that was not finished.</summary>
    public KeptSums Kept { get; }

    public RunDescription Description { get; }

    public RunDirectory Directory { get; }

    /// <summary>What members must have in common: recipe, data, numerics, and the bits of probe shards.</summary>
    public IReadOnlyDictionary<string, string> Fingerprint { get; }

    /// <summary>Steps of the whole run.</summary>
    public long LastStep => (long)Order.StepsPerEpoch * Recipe.Epochs;

    /// <summary>Photographs are decoded while they are used; a quarter of the cores leaves the rest to the workers. Bits do not depend on it.</summary>
    private static int LoaderThreads(DataKind kind) => kind == DataKind.ImageFolder ? Math.Max(1, Environment.ProcessorCount / 4) : 1;

    /// <summary>Forgets the state: it cannot be trusted any more.</summary>
    public void Forget()
    {
        State.Reset();
        Reduced.Forget();
        Kept.Forget();
        Recent.Forget();
        Progress.State = new TrainingProgress().State;
        HasForgotten = true;
    }

    /// <summary>Whether the state was forgotten and is not yet compared with the others' again.</summary>
    public bool HasForgotten { get; set; }

    /// <summary>A copy of the state for others.</summary>
    public StateCopy Copy() => new(State.Counters, Progress.State, Recent.Lines, State.Snapshot());

    /// <summary>Takes over another member's state.</summary>
    public void Take(StateCopy copy, string source)
    {
        State.Restore(copy.Counters, copy.Tensors, source);
        Progress.State = copy.Progress;
        Recent.Take(copy.Recent);
    }

    public void Dispose()
    {
        Loader.Dispose();
        Reduced.Dispose();
        Kept.Dispose();
        Engine.Dispose();
        State.Dispose();
        Dataset.Dispose();
    }

    /// <summary>Computes a few shards of the first step from untrained weights: machines that agree in name but not in bits show here, before
    /// they train together.</summary>
    private Dictionary<string, string> Probe()
    {
        int[] shards = [.. Enumerable.Range(0, Math.Min(2, Recipe.Shards))];
        using StepBatch batch = Loader.Load(0, shards);
        int[] filled = [.. batch.Inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
        var hash = new XxHash128();
        foreach (StepVector vector in Engine.Compute(batch.Identity, batch.Inputs, new LocalBatchNormCoupling(Recipe.Shards, filled))) hash.Append(vector.Bytes);
        return new(Description.Fingerprint)
        {
            ["recipe"] = Description.RecipeHash,
            ["data"] = Description.DataHash,
            ["probe"] = Convert.ToHexStringLower(hash.GetCurrentHash()),
        };
    }
}
