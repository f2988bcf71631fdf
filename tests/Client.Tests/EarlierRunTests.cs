using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Client.Tests;

public sealed class EarlierRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_of_an_earlier_version_continues_with_the_bits_of_an_oracle_that_starts_from_its_checkpoint()
    {
        RunDirectory run = EarlierRun.CopyTo(_folder["run"]);
        RunDescription begun = run.ReadDescription();
        Recipe recipe = RunDirectory.RecipeOf(begun);
        string[] steps = File.ReadAllLines(run.StepsFile);
        OracleRun oracle = Oracle.Train(recipe, checkpoint: new CheckpointStore(run.CheckpointsFolder).Read(EarlierRun.Step));

        // These fields depend on the processor. If they differ from those of the processor that started the run, a lineage begins.
        JsonElement end = ClientProcess.RunJson("resume", "--out", run.Path, "--override", "isa,mkl,oneDnn");

        Assert.Equal("completed", end.GetProperty("state").GetString());
        Assert.Equal(oracle.WeightsDigest, end.GetProperty("weightsDigest").GetString());
        string[] all = File.ReadAllLines(run.StepsFile);
        Assert.Equal(steps, all[..steps.Length]);
        Assert.Equal(oracle.Digests, all[steps.Length..].Select(line => JsonDocument.Parse(line).RootElement.GetProperty("digest").GetString()!));
        EpochTable table = EpochTable.Read(run.EpochsFile, int.MaxValue);
        Assert.Equal(Enumerable.Range(0, recipe.Epochs), table.Epochs);
        Assert.Equal(oracle.Trainings.Select(train => train.LossSum / train.Samples), table.Epochs.Skip(oracle.StartEpoch).Select(epoch => table[epoch, "train_loss"]));
        Assert.Equal(oracle.Evaluations.Select(test => test.Loss), table.Epochs.Skip(oracle.StartEpoch).Select(epoch => table[epoch, "test_loss"]));
        Assert.Equal(new NumericsFingerprint(begun.Fingerprint).DifferencesFrom(NumericsFingerprint.OfThisProcess(recipe)).Select(difference => difference.Field),
            run.ReadDescription().Lineages.SelectMany(lineage => lineage.Changes).Select(change => change.Name));
    }
}
