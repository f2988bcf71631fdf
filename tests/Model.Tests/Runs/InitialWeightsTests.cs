using Spikeformer.Checkpoints;
using Spikeformer.Network;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Runs;

public sealed class InitialWeightsTests : IDisposable
{
    private static readonly Recipe Recipe = RecipeCatalogue.Load("demo");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_directory_a_checkpoint_its_export_and_a_pth_file_give_the_same_weights()
    {
        using TrainingState state = New();
        string newest = Save(state, step: 4);
        Checkpoint checkpoint = new CheckpointStore(_folder["run/checkpoints"]).Read(4);
        CheckpointExport.Write(checkpoint, _folder["w.safetensors"]);
        StateTensor[] network = [.. state.Snapshot().Where(tensor => tensor.Group == StateTensor.NetworkGroup)];
        TorchFile.Write(_folder["w.pth"], network);
        foreach ((string given, string found) in new[]
        {
            (_folder["run"], newest), (_folder["run"] + "/", newest), (newest, newest), (_folder["w.safetensors"], _folder["w.safetensors"]), (_folder["w.pth"], _folder["w.pth"]),
        })
        {
            InitialWeights weights = InitialWeights.Read(given);
            Assert.Equal(found, weights.Path);
            Assert.Equal(TrainingState.WeightsDigest(network), TrainingState.WeightsDigest(weights.For(state.Network.Layout)));
        }
    }

    [Fact]
    public void A_run_directory_gives_its_newest_valid_checkpoint()
    {
        using TrainingState state = New();
        string sound = Save(state, step: 4), damaged = Save(state, step: 8);
        File.AppendAllText(Directory.GetFiles(damaged, "*.safetensors").First(), "x");
        Assert.Equal(sound, InitialWeights.Read(_folder["run"]).Path);
        Assert.Equal(ErrorKind.CheckFailed, Assert.Throws<SpikeformerException>(() => InitialWeights.Read(damaged)).Kind);
    }

    [Fact]
    public void Weights_of_another_network_name_each_tensor_with_both_shapes()
    {
        using TrainingState state = New(), wider = New(width: 32);
        Save(state, step: 4);
        var error = Assert.Throws<SpikeformerException>(() => InitialWeights.Read(_folder["run"]).For(wider.Network.Layout));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.Contains("model.pos_embed is F32 [1, 16, 16], expected F32 [1, 16, 32]", error.Message);
        Assert.Contains("the recipe of the checkpoint", error.Remedy);
        TorchFile.Write(_folder["w.pth"], [.. state.Snapshot().Where(tensor => tensor.Group == StateTensor.NetworkGroup && tensor.Name != "model.head.bias")]);
        error = Assert.Throws<SpikeformerException>(() => InitialWeights.Read(_folder["w.pth"]).For(state.Network.Layout));
        Assert.Contains("1 missing:\n    model.head.bias F32 [3]", error.Message);
    }

    [Fact]
    public void Missing_weights_are_reported_with_the_path_and_the_accepted_kinds()
    {
        Directory.CreateDirectory(_folder["empty/checkpoints"]);
        Directory.CreateDirectory(_folder["other"]);
        foreach (string path in (string[])["none", "none.pth", "other", "empty", "run/checkpoints/step-4"])
        {
            var error = Assert.Throws<SpikeformerException>(() => InitialWeights.Read(_folder[path]));
            Assert.Equal(ErrorKind.NotFound, error.Kind);
            Assert.Contains(_folder[path], error.Message);
        }
    }

    private static TrainingState New(int width = 16) => new(new SpikeformerNetwork(new NetworkOptions
    {
        Strides = [2, 1], Width = width, Depth = 1, Heads = 2, TimeSteps = 2, Height = 8, FrameWidth = 8, Classes = 3,
    }), Recipe);

    private string Save(TrainingState state, long step)
    {
        var store = new CheckpointStore(_folder["run/checkpoints"]);
        return Path.Combine(store.Location, store.Save(States.Info(step), state.Snapshot()).Entry.Id.Folder);
    }
}
