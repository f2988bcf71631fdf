using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Network;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

/// <summary>This version reads a run directory of an earlier version, and writes it with the same bytes.</summary>
public sealed class EarlierRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RunDirectory _run;
    private readonly string _checkpoint;
    private readonly CheckpointStore _store;

    public EarlierRunTests()
    {
        _run = EarlierRun.CopyTo(_folder["run"]);
        _checkpoint = Path.Combine(_run.CheckpointsFolder, $"step-{EarlierRun.Step}");
        _store = new(_run.CheckpointsFolder);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Its_recipe_has_the_stored_hash()
    {
        RunDescription description = _run.ReadDescription();
        CheckpointInfo info = _store.Read(EarlierRun.Step).Info;
        Assert.Equal(description.RecipeHash, RecipeWriter.Hash(RunDirectory.RecipeOf(description)));
        Assert.Equal(info.RecipeHash, RecipeWriter.Hash(RecipeReader.Read(info.Recipe.GetRawText(), Manifest.FileName)));
        Assert.Equal(description.RecipeHash, info.RecipeHash);
    }

    [Fact]
    public void Its_checkpoint_restores_a_state_with_the_stored_digests()
    {
        Assert.Empty(_store.Verify(EarlierRun.Step));
        Checkpoint checkpoint = _store.ReadNewest().Checkpoint!;
        using TrainingState state = NewState();
        Assert.NotEqual(checkpoint.Info.WeightsDigest, TrainingState.WeightsDigest(state.Snapshot()));
        state.Restore(checkpoint);

        Assert.Equal(checkpoint.Info.WeightsDigest, TrainingState.WeightsDigest(state.Snapshot()));
        Assert.Equal((EarlierRun.Step, checkpoint.Info.StepDigest), (state.Step, state.Digest));
        JsonElement last = JsonDocument.Parse(File.ReadLines(_run.StepsFile).Last()).RootElement;
        Assert.Equal((state.Step, state.Digest), (last.GetProperty("step").GetInt64(), last.GetProperty("digest").GetString()));
    }

    [Fact]
    public void Its_ledger_holds_the_samples_that_this_version_draws()
    {
        Recipe recipe = Recipe();
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, null, null);
        Assert.Equal(_run.ReadDescription().DataHash, dataset.ContentHash);
        var order = new EpochOrder(recipe.Seed, dataset.Count(Split.Train), recipe.Batch, recipe.Shards);
        ulong ledger = 0;
        for (long step = 0; step < EarlierRun.Step; step++)
        {
            StepPlan plan = order.Plan(step);
            for (int shard = 0; shard < plan.Shards; shard++) ledger += Ledger.Sum(plan.Epoch, plan.Samples(shard));
        }
        Assert.Equal(_store.Read(EarlierRun.Step).Info.LedgerDigest, $"{ledger:x16}");
    }

    [Fact]
    public void Saved_by_this_version_it_has_the_same_bytes()
    {
        Checkpoint checkpoint = _store.Read(EarlierRun.Step);
        using TrainingState state = NewState();
        state.Restore(checkpoint);
        var saved = new RunDirectory(_folder["saved"]);
        new CheckpointStore(saved.CheckpointsFolder).Save(checkpoint.Info, state.Snapshot(), best: true);
        saved.Begin(_run.ReadDescription());

        Assert.Equal(File.ReadAllBytes(_run.DescriptionFile), File.ReadAllBytes(saved.DescriptionFile));
        string[] files = [.. Directory.GetFiles(_checkpoint).Order(StringComparer.Ordinal)];
        Assert.Equal(files, Directory.GetFiles(Path.Combine(saved.CheckpointsFolder, checkpoint.Id.Folder))
            .Select(file => Path.Combine(_checkpoint, Path.GetFileName(file))).Order(StringComparer.Ordinal));
        foreach (string file in files)
            Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.Combine(saved.CheckpointsFolder, checkpoint.Id.Folder, Path.GetFileName(file))));
    }

    [Fact]
    public void A_flipped_bit_in_any_of_its_files_is_found()
    {
        foreach (string file in Directory.GetFiles(_checkpoint).Where(file => new FileInfo(file).Length > 0))
        {
            long middle = new FileInfo(file).Length / 2;
            States.FlipByte(file, middle, 1);
            Assert.Contains(Path.GetFileName(file), Assert.Single(_store.Verify(EarlierRun.Step)));
            Assert.Equal(ErrorKind.CheckFailed, Assert.Throws<SpikeformerException>(() => _store.Read(EarlierRun.Step)).Kind);
            States.FlipByte(file, middle, 1);
        }
        Assert.Empty(_store.Verify(EarlierRun.Step));
    }

    private Recipe Recipe() => RunDirectory.RecipeOf(_run.ReadDescription());

    private TrainingState NewState()
    {
        Recipe recipe = Recipe();
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, null, null);
        return new(new SpikeformerNetwork(NetworkOptions.From(recipe.Model, recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count)), recipe);
    }
}
