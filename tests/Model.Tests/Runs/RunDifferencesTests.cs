using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Model.Tests.Runs;

public sealed class RunDifferencesTests
{
    private static readonly Recipe Before = RecipeCatalogue.Load("demo");

    [Theory]
    [InlineData("batch=12", "batch")]
    [InlineData("seed=5", "seed")]
    [InlineData("shards=2", "shards")]
    [InlineData("precision=bf16", "precision")]
    [InlineData("model.depth=5", "model.depth")]
    [InlineData("data.canvas=[24,24]", "data.canvas")]
    [InlineData("schedule.0.base=0.5", "schedule.0.base")]
    public void A_changed_field_is_named_as_it_is_set(string change, string name)
    {
        RunDifference difference = Assert.Single(RunDifferences.Between(Before, RecipeCatalogue.Load("demo", [change])));
        Assert.Equal(name, difference.Name);
        Assert.Equal(change[(change.IndexOf('=') + 1)..], difference.Now);
    }

    [Fact]
    public void Equal_recipes_do_not_differ_and_a_field_that_one_lacks_does()
    {
        Assert.Empty(RunDifferences.Between(Before, RecipeCatalogue.Load("demo")));
        RunDifference added = Assert.Single(RunDifferences.Between(Before, Before with { Data = Before.Data with { TrainSamples = null } }));
        Assert.Equal(("data.trainSamples", "(none)"), (added.Name, added.Now));
    }

    [Fact]
    public void Data_and_numerics_have_their_own_names_and_a_field_of_the_recipe_is_listed_once()
    {
        using IDataset dataset = DatasetCatalogue.Open(Before.Data, null);
        RunDescription begun = RunDescription.Of("run", Before, null, dataset, DateTimeOffset.UnixEpoch);
        Recipe changed = RecipeCatalogue.Load("demo", ["precision=bf16"]);
        RunDescription now = RunDescription.Of("run", changed, null, dataset, DateTimeOffset.UnixEpoch);
        Assert.Equal(["precision"], RunDifferences.Between(begun, now).Select(one => one.Name));
        now = begun with { DataHash = new string('0', 64), Fingerprint = new Dictionary<string, string>(begun.Fingerprint) { ["isa"] = "AVX9" } };
        Assert.Equal(["dataHash", "isa"], RunDifferences.Between(begun, now).Select(one => one.Name));
    }

    [Fact]
    public void Other_initial_weights_and_another_first_epoch_have_the_names_that_overrides_use()
    {
        using IDataset dataset = DatasetCatalogue.Open(Before.Data, null);
        RunDescription fresh = RunDescription.Of("run", Before, null, dataset, DateTimeOffset.UnixEpoch);
        RunDescription begun = fresh with { Origin = new("/a/step-3", new string('a', 64), 2) };
        Assert.Empty(RunDifferences.Between(begun, begun with { Origin = begun.Origin with { Weights = "/elsewhere" } }));
        Assert.Equal([new RunDifference("initialWeights", new string('a', 12), new string('b', 12))],
            RunDifferences.Between(begun, begun with { Origin = begun.Origin with { Sha256 = new string('b', 64) } }));
        Assert.Equal([new RunDifference("startEpoch", "2", "3")], RunDifferences.Between(begun, begun with { Origin = begun.Origin with { Epoch = 3 } }));
        Assert.Equal(["initialWeights is (none) instead of aaaaaaaaaaaa", "startEpoch is (none) instead of 2"],
            RunDifferences.Between(begun, fresh).Select(one => one.ToString()));
    }

    [Theory]
    [InlineData("schedule", true)]
    [InlineData("schedule.0", true)]
    [InlineData("schedule.0.base", true)]
    [InlineData("schedule.0.ba", false)]
    [InlineData("sched", false)]
    [InlineData("epochs", false)]
    public void An_override_covers_a_field_and_all_below_it(string name, bool covers)
    {
        RunDifference[] differences = [new("schedule.0.base", "1", "2")];
        Assert.Equal(covers ? 0 : 1, RunDifferences.NotCovered(differences, [name]).Count);
    }
}
