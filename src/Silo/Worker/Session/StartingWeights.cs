using Spikeformer.Checkpoints;
using Spikeformer.ObjectStore;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>The weights of another training that a run may begin with.</summary>
internal sealed class StartingWeights
{
    private readonly TrainingState _state;
    private bool _areTaken;

    /// <summary>Finds the weights, and gives them to the state unless the run has a checkpoint of its own: then it continues from there, and their file may
    /// be gone.</summary>
    /// <exception cref="SpikeformerException">The file is missing, or does not fit the network.</exception>
    public StartingWeights(RunSpec spec, RunDirectory directory, TrainingState state)
    {
        _state = state;
        if (spec.InitFrom is not { } path) return;
        RunDescription? begun = directory.HasRun ? directory.ReadDescription() : null;
        bool isOurs = begun is not null && (spec.IsResume || begun.StartId == spec.StartId);
        if (isOurs && begun!.Origin is { } known && new CheckpointStore(CheckpointPlaces.Open(directory, begun, _ => { })).List().Any(entry => entry.Problem is null))
        {
            Origin = known with { Epoch = spec.StartEpoch };
            return;
        }
        InitialWeights weights = InitialWeights.Read(path);
        Origin = new(weights.Path, Take(weights), spec.StartEpoch);
    }

    /// <summary>Where they are from; null for fresh weights.</summary>
    public RunOrigin? Origin { get; }

    /// <summary>Whether the state is before the first step, and does not have them.</summary>
    public bool AreMissing => Origin is not null && !_areTaken && !_state.HasBegun;

    /// <summary>Gives them to the state if they are missing.</summary>
    /// <exception cref="SpikeformerException">The file is missing, or holds other weights.</exception>
    public void TakeIfMissing()
    {
        if (AreMissing) Take(InitialWeights.Read(Origin!.Weights), Origin.Sha256);
    }

    public void Replaced() => _areTaken = true;

    public void Forget() => _areTaken = false;

    /// <returns>Their SHA-256.</returns>
    private string Take(InitialWeights weights, string? expected = null)
    {
        IReadOnlyList<StateTensor> tensors = weights.For(_state.Network.Layout);
        string hash = TrainingState.WeightsDigest(tensors);
        if (hash != (expected ?? hash))
            throw new SpikeformerException(ErrorKind.Conflict, $"{weights.Path} does not hold the weights that the run started with: their SHA-256 is {hash} instead of {expected}",
                "Restore the original file, or start another run");
        _state.RestoreNetwork(tensors.ToDictionary(tensor => tensor.Name));
        _areTaken = true;
        return hash;
    }
}
