using System.IO.Hashing;
using Spikeformer.Checkpoints;
using Spikeformer.Contracts;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Data.Frames;
using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.ObjectStore;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker.Transfer;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>What a worker holds of a run from the first report to the last: data, network, state. Belongs to the compute thread.</summary>
internal sealed class PreparedRun : IDisposable
{
    private SliceCollection? _slices;
    private bool _hasInitialWeights;

    private PreparedRun(RunSpec spec, Recipe recipe, IDataset dataset, ComputeDevice device, TimeProvider time)
    {
        (Spec, Recipe, Dataset) = (spec, recipe, dataset);
        Network = new(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        Order = new(recipe.Seed, dataset.Count(Split.Train), recipe.Batch, recipe.Shards);
        State = new(Network, recipe, firstStep: (long)Order.StepsPerEpoch * spec.StartEpoch);
        Engine = new(Network, State.Parameters, recipe, device);
        Loader = new(dataset, Split.Train, Order, recipe.Data.Augmentation == Augmentation.None ? null : recipe.Seed, threads: LoaderThreads(recipe.Data.Kind));
        Directory = new(spec.OutDirectory);
        Reduced = new(Network.Layout);
        Kept = new(StepVector.Length(Network.Layout));
        Transfers = new(time);
        string probe = Probe();
        Description = RunDescription.Of(spec.Name, recipe, spec.DataPath, dataset, time.GetUtcNow(), device) with
        {
            StartId = spec.StartId, Origin = FindOrigin(), Checkpoints = spec.Checkpoints ?? CheckpointPlaces.DefaultOf(spec.Name),
        };
        var fingerprint = new Dictionary<string, string>(Description.Fingerprint)
        {
            ["recipe"] = Description.RecipeHash,
            ["data"] = Description.DataHash,
            ["probe"] = probe,
        };
        if (Description.Origin is { } origin) fingerprint["initialWeights"] = origin.Sha256;
        Fingerprint = fingerprint;
    }

    /// <summary>Opens device and data and builds the network; the state is that before the first step.</summary>
    /// <exception cref="SpikeformerException">Recipe, data or initial weights are wrong, or the device cannot be used.</exception>
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

    /// <summary>What this worker lends to those who follow.</summary>
    public TransferStore Transfers { get; }

    /// <summary>What this worker has of a state that it takes from others.</summary>
    public SliceCollection Slices => _slices ??= new(new StateSlices([.. State.Snapshot().Select(tensor => tensor.Spec)]));

    public RunDescription Description { get; }

    public RunDirectory Directory { get; }

    /// <summary>What members must have in common: recipe, data, initial weights, numerics, and the bits of probe shards.</summary>
    public IReadOnlyDictionary<string, string> Fingerprint { get; }

    /// <summary>Committed steps when the run is complete.</summary>
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
        Transfers.Forget();
        Progress.State = new TrainingProgress().State;
        (HasForgotten, _hasInitialWeights) = (true, false);
    }

    /// <summary>Whether the state is none of the run's: the run has initial weights, and they were not read because it has gone on from them.</summary>
    public bool LacksWeights => Description.Origin is not null && !_hasInitialWeights && !State.HasBegun;

    /// <summary>Before the first step: reads the weights that the run begins with, unless the state has them.</summary>
    /// <exception cref="SpikeformerException">They are not there any more, or are others.</exception>
    public void TakeInitialWeights()
    {
        if (LacksWeights) TakeWeights(InitialWeights.Read(Description.Origin!.Weights), Description.Origin.Sha256);
    }

    /// <summary>Whether an epoch has ended with this state and its evaluation is not known.</summary>
    public bool LacksEvaluation => State.HasBegun && State.Step % Order.StepsPerEpoch == 0 && Progress.Epochs < State.Step / Order.StepsPerEpoch;

    /// <summary>Whether the state was forgotten and is not yet compared with the others' again.</summary>
    public bool HasForgotten { get; private set; }

    /// <summary>All members have this state: steps go on from it, and what was still on its way here is not needed.</summary>
    public void Aligned()
    {
        Evaluated();
        Transfers.Aligned(State.Step, StateWire.Digest(State.Digest), Copy);
        _slices = null;
        HasForgotten = false;
    }

    /// <summary>Lets those who follow know what came of the last epoch.</summary>
    public void Evaluated() => Transfers.Evaluated((long)Progress.Epochs * Order.StepsPerEpoch, Progress.Newest);

    /// <summary>A copy of the state for others.</summary>
    public StateCopy Copy() => new(State.Counters, Progress.State, Recent.Lines, State.Snapshot());

    /// <summary>Takes over another member's state.</summary>
    public void Take(StateCopy copy, string source)
    {
        State.Restore(copy.Counters, copy.Tensors, source);
        Progress.State = copy.Progress;
        Recent.Take(copy.Recent);
        _hasInitialWeights = true;
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

    /// <summary>What the run begins with; null for fresh weights. Once it has a checkpoint it goes on from there, and the file may be gone.</summary>
    private RunOrigin? FindOrigin()
    {
        if (Spec.InitFrom is not { } path) return null;
        RunDescription? begun = Directory.HasRun ? Directory.ReadDescription() : null;
        bool isOurs = begun is not null && (Spec.IsResume || begun.StartId == Spec.StartId);
        if (isOurs && begun!.Origin is { } known && new CheckpointStore(CheckpointPlaces.Open(Directory, begun, _ => { })).List().Any(entry => entry.Problem is null))
            return known with { Epoch = Spec.StartEpoch };
        InitialWeights weights = InitialWeights.Read(path);
        return new(weights.Path, TakeWeights(weights), Spec.StartEpoch);
    }

    /// <summary>Takes over weights of another training.</summary>
    /// <returns>Their SHA-256.</returns>
    private string TakeWeights(InitialWeights weights, string? expected = null)
    {
        IReadOnlyList<StateTensor> tensors = weights.For(Network.Layout);
        string hash = TrainingState.WeightsDigest(tensors);
        if (hash != (expected ?? hash))
            throw new SpikeformerException(ErrorKind.Conflict, $"{weights.Path} does not hold the weights that the run began with: their SHA-256 is {hash} instead of {expected}",
                "Put those back, or start another run");
        State.RestoreNetwork(tensors.ToDictionary(tensor => tensor.Name));
        _hasInitialWeights = true;
        return hash;
    }

    /// <summary>Computes a few shards of step 0 from fresh weights: machines that agree in name but not in bits show here, before they train
    /// together.</summary>
    private string Probe()
    {
        int[] shards = [.. Enumerable.Range(0, Math.Min(2, Recipe.Shards))];
        using StepBatch batch = Loader.Load(0, shards);
        int[] filled = [.. batch.Inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
        var hash = new XxHash128();
        foreach (StepVector vector in Engine.Compute(batch.Identity, batch.Inputs, new LocalBatchNormCoupling(Recipe.Shards, filled))) hash.Append(vector.Bytes);
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
