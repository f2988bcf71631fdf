using System.Collections.Concurrent;
using Spikeformer.Checkpoints;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Network;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Runs;

/// <summary>How a lead handles shared saves.</summary>
public sealed class RunKeeperTests : IDisposable
{
    private const int StepsPerEpoch = 22;
    private static readonly string[] s_small = ["data.canvas=[16,16]", "model.width=16", "model.heads=2"];
    private static readonly Recipe s_recipe = RecipeCatalogue.Load("demo", s_small);
    private static readonly GenerationId s_generation = new(1, "n1");

    private readonly TemporaryFolder _folder = new();
    private readonly ConcurrentQueue<(string Kind, string Message)> _events = [];
    private readonly TrainingState _state;
    private readonly TrainingProgress _progress = new();
    private readonly RunDescription _description;

    public RunKeeperTests()
    {
        using IDataset dataset = DatasetCatalogue.Open(s_recipe.Data, null);
        _state = new(new(NetworkOptions.From(s_recipe.Model, s_recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count)), s_recipe);
        _description = Describe(s_recipe);
        _progress.EndEpoch(0, EpochLogTests.Test(top1: 7), TimeSpan.Zero, 1);
    }

    public void Dispose()
    {
        _state.Dispose();
        _folder.Dispose();
    }

    private string Checkpoints => _folder["checkpoints"];

    private CheckpointStore Store => new(Checkpoints);

    private static ICheckpointFiles Place(RunDirectory directory, RunDescription description, Action<string> warn) => new LocalCheckpointFiles(directory.CheckpointsFolder);

    private static RunDescription Describe(Recipe recipe)
    {
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, null);
        return RunDescription.Of("kept", recipe, null, dataset, DateTimeOffset.UnixEpoch);
    }

    private void Report(string kind, string message) => _events.Enqueue((kind, message));

    private RunKeeper Begin() => RunKeeper.Begin(new(_folder.Path), _description, Place, Report, TimeProvider.System);

    private void Save(RunKeeper keeper, params string[] writers) => keeper.Save(_state, _progress, StepsPerEpoch, s_generation, writers);

    [Fact]
    public void After_a_save_is_called_off_the_next_one_catches_up_and_is_marked_as_the_best()
    {
        using RunKeeper keeper = Begin();
        Save(keeper, "a/0", "a/1");
        keeper.CallOff();
        keeper.Wait();
        Assert.True(keeper.IsBehind);
        Assert.False(keeper.MustWriteAlone);
        Assert.Equal("checkpointAbandoned", Assert.Single(_events).Kind);
        Assert.Empty(Store.List());

        Save(keeper, "a/0");
        keeper.Wait();
        Assert.False(keeper.IsBehind);
        Assert.Equal(("checkpoint", "Saved step-0"), _events.Last());
        CheckpointEntry saved = Assert.Single(Store.List());
        Assert.True(saved.IsBest);
        Assert.Equal(TrainingState.WeightsDigest(_state.Snapshot()), keeper.WeightsDigest);
        Assert.Equal(keeper.WeightsDigest, saved.Info!.WeightsDigest);
    }

    [Fact]
    public void The_curves_of_a_lineage_have_the_averages_over_its_own_batches()
    {
        using (RunKeeper begun = Begin())
        {
            Save(begun, "a/0");
            begun.Wait();
        }
        int batch = s_recipe.Batch + 1;
        RunDescription changed = Describe(RecipeCatalogue.Load("demo", [.. s_small, $"batch={batch}"]));
        using RunKeeper keeper = RunKeeper.TryContinue(new(_folder.Path), changed, ["batch"], Place, Report, TimeProvider.System, out _)!;
        keeper.Restore(_state, _progress);
        EvaluationResult test = EpochLogTests.Test(top1: 8);
        _progress.EndEpoch(1, test, TimeSpan.Zero, 1);
        keeper.WriteEpochs(_progress);
        EpochTable table = EpochTable.Read(new RunDirectory(_folder.Path).EpochsFile, 2);
        Assert.Equal((test.ReferenceLoss(s_recipe.Batch), test.ReferenceLoss(batch)), (table[0, "test_loss_reference"], table[1, "test_loss_reference"]));
    }

    [Fact]
    public void A_shared_save_names_its_writers()
    {
        using RunKeeper keeper = Begin();
        Store.WriteShare(_description.InfoOf(_state, _progress, StepsPerEpoch, s_generation, default), _state.Snapshot(), ["a/0", "a/1"], 1);
        Save(keeper, "a/0", "a/1");
        keeper.Wait();
        Assert.Equal(("checkpoint", "Saved step-0, written by a/0, a/1"), Assert.Single(_events));
        Assert.Empty(Store.Verify(0));
    }

    [Fact]
    public void After_a_writer_has_failed_the_lead_writes_alone_for_the_rest_of_the_generation()
    {
        using RunKeeper keeper = Begin();
        new LocalCheckpointFiles(Checkpoints).Write("saving-0-n1", "writer-1.failed", stream => stream.Write("its disk is full"u8));
        Save(keeper, "a/0", "a/1");
        keeper.Wait();
        Assert.True(keeper.IsBehind);
        Assert.True(keeper.MustWriteAlone);
        Assert.Contains("its disk is full", Assert.Single(_events).Message);
        Save(keeper, "a/0");
        keeper.Wait();
        Assert.False(keeper.IsBehind);
        Assert.True(keeper.MustWriteAlone);
        keeper.LeadGeneration(new(2, "n2"), hasOthers: true, due: 0);
        Assert.False(keeper.MustWriteAlone);
    }

    [Fact]
    public async Task A_lead_shows_its_storage_to_the_members_of_its_generation_for_as_long_as_it_leads()
    {
        var proof = new StorageProof(new LocalCheckpointFiles(Checkpoints));
        using (RunKeeper keeper = Begin())
            foreach (GenerationId generation in (GenerationId[])[s_generation, new(2, "n2")])
            {
                keeper.LeadGeneration(generation, hasOthers: true, due: 0);
                await Eventually.HoldsAsync("the proof", () => proof.Exists(generation));
            }
        Assert.Empty(Directory.GetDirectories(Checkpoints));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(21, true)]
    [InlineData(22, true)]
    [InlineData(20, false)]
    public void A_new_lead_notices_whether_the_last_due_checkpoint_is_missing(long due, bool isMissing)
    {
        RunKeeper keeper = Begin();
        Store.Save(States.Info(20), States.State(20));
        using (keeper) keeper.LeadGeneration(s_generation, hasOthers: false, due);
        Assert.Equal(isMissing, keeper.IsBehind);
        Assert.Equal([Path.Combine(Checkpoints, "step-20")], Directory.GetDirectories(Checkpoints));
    }
}
