using System.IO.Hashing;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Data.Frames;
using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.ObjectStore;
using Spikeformer.Recipes;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>A run that a worker has opened: its fixed parts, and the <see cref="MemberState"/>. Belongs to the compute thread.</summary>
internal sealed class PreparedRun : IDisposable
{
    private PreparedRun(RunSpec spec, Recipe recipe, IDataset dataset, ComputeDevice device, TimeProvider time)
    {
        (Spec, Recipe, Dataset) = (spec, recipe, dataset);
        Network = new(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        Order = new(recipe.Seed, dataset.Count(Split.Train), recipe.Batch, recipe.Shards);
        var state = new TrainingState(Network, recipe, firstStep: (long)Order.StepsPerEpoch * spec.StartEpoch);
        Engine = new(Network, state.Parameters, recipe, device);
        Loader = new(dataset, Split.Train, Order, recipe.Data.Augmentation == Augmentation.None ? null : recipe.Seed, threads: LoaderThreads(recipe.Data.Kind));
        Directory = new(spec.OutDirectory);
        string probe = "";
        ShardMemory? memory = ShardMemory.Measure(new(), () => Probe(out probe), areTogether: recipe.BatchNorm == BatchNormMode.Global);
        Memory = device.HasOwnMemory ? null : memory;
        var weights = new StartingWeights(spec, Directory, state);
        Held = new(state, weights, Order.StepsPerEpoch, time);
        Description = RunDescription.Of(spec.Name, recipe, spec.DataPath, dataset, time.GetUtcNow(), device) with
        {
            StartId = spec.StartId,
            Origin = weights.Origin,
            Checkpoints = spec.Checkpoints ?? CheckpointPlaces.DefaultOf(spec.Name),
        };
        var fingerprint = new Dictionary<string, string>(Description.Fingerprint)
        {
            ["recipe"] = Description.RecipeHash,
            ["data"] = Description.DataHash,
            ["probe"] = probe,
        };
        if (weights.Origin is { } origin) fingerprint["initialWeights"] = origin.Sha256;
        Fingerprint = fingerprint;
    }

    /// <summary>Opens the device and the data, and builds the network with the state before the first step.</summary>
    /// <exception cref="SpikeformerException">The recipe, the data or the initial weights are wrong, or the device cannot be used.</exception>
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

    public EpochOrder Order { get; }

    public ShardEngine Engine { get; }

    public BatchLoader Loader { get; }

    public RunDirectory Directory { get; }

    public RunDescription Description { get; }

    /// <summary>The properties that members must have in common: recipe, data, initial weights, numerics, and the bits of probe shards.</summary>
    public IReadOnlyDictionary<string, string> Fingerprint { get; }

    /// <summary>The memory that shards take; null on a device with memory of its own, and where it cannot be measured.</summary>
    public ShardMemory? Memory { get; }

    /// <summary>Committed steps when the run is complete.</summary>
    public long LastStep => (long)Order.StepsPerEpoch * Recipe.Epochs;

    /// <summary>The state that this worker holds.</summary>
    public MemberState Held { get; }

    public void Dispose()
    {
        Loader.Dispose();
        Engine.Dispose();
        Held.Dispose();
        Dataset.Dispose();
    }

    /// <summary>Images are decoded during training: a quarter of the cores leaves the others to the workers. The bits do not depend on it.</summary>
    private static int LoaderThreads(DataKind kind) => kind == DataKind.ImageFolder ? Math.Max(1, Environment.ProcessorCount / 4) : 1;

    /// <summary>Computes a few shards of step 0 from fresh weights. Machines with equal names but different bits differ here, before they train
    /// together.</summary>
    /// <param name="digest">The digest of their vectors.</param>
    /// <returns>The number of shards, and the bytes that a shard needs in any case: its vector and its samples, also those of the steps that are read
    /// ahead.</returns>
    private (int Shards, long LeastBytes) Probe(out string digest)
    {
        int[] shards = [.. Enumerable.Range(0, Math.Min(2, Recipe.Shards))];
        using StepBatch batch = Loader.Load(0, shards);
        int[] filled = [.. batch.Inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
        var hash = new XxHash128();
        foreach (StepVector vector in Engine.Compute(batch.Identity, batch.Inputs, new LocalBatchNormCoupling(Recipe.Shards, filled))) hash.Append(vector.Bytes);
        digest = Convert.ToHexStringLower(hash.GetCurrentHash());
        long samples = batch.Inputs.Max(input => input.Samples.Length);
        return (shards.Length, sizeof(float) * (StepVector.Length(Network.Layout) + samples * Dataset.Shape.Elements * (1 + BatchLoader.DefaultReadAhead)));
    }
}
