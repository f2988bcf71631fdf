using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.ObjectStore;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.ObjectStore;

public sealed class CheckpointPlacesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private RunDescription Run(string? checkpoints, int start = 1) => new()
    {
        Run = "nmnist", Recipe = JsonDocument.Parse(RecipeWriter.ToCanonical(RecipeCatalogue.Load("demo"))).RootElement, RecipeHash = "aa", DataHash = "bb", Fingerprint = new Dictionary<string, string>(), ClassNames = [],
        StartId = new Guid(start, 0, 0, new byte[8]), Checkpoints = checkpoints,
    };

    [Fact]
    public void Without_a_place_checkpoints_are_in_the_run_directory_and_a_folder_is_used_as_it_is()
    {
        var directory = new RunDirectory(_folder["run"]);
        Assert.Equal(_folder["run/checkpoints"], CheckpointPlaces.Open(directory, Run(null), _ => { }).Location);
        Assert.Equal(_folder["elsewhere"], CheckpointPlaces.Open(directory, Run(_folder["elsewhere"]), _ => { }).Location);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("s3://bucket/runs/", "s3://bucket/runs/nmnist")]
    [InlineData("/checkpoints", "/checkpoints/nmnist")]
    public void Runs_that_name_no_place_use_one_below_the_default(string? place, string? own) => Assert.Equal(own, CheckpointPlaces.Below(place, "nmnist"));

    [Fact]
    public void A_run_does_not_start_on_checkpoints_of_another_and_continues_on_its_own()
    {
        string place = _folder["shared"];
        Begin("first", start: 1).Dispose();
        new CheckpointStore(place).Save(States.Info(1), States.State(1));
        var error = Assert.Throws<SpikeformerException>(() => Begin("second", start: 2));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.StartsWith($"{place} already contains checkpoints, such as step-1", error.Message);
        Assert.False(new RunDirectory(_folder["second"]).HasRun);
        // The place in run.json is used, whatever this process would choose.
        using RunKeeper again = RunKeeper.TryContinue(new(_folder["first"]), Run(null), [], CheckpointPlaces.Open, (_, _) => { }, TimeProvider.System, out _)!;
        Assert.Equal(place, new RunDirectory(_folder["first"]).ReadDescription().Checkpoints);

        RunKeeper Begin(string directory, int start) =>
            RunKeeper.Begin(new(_folder[directory]), Run(place, start), CheckpointPlaces.Open, (_, _) => { }, TimeProvider.System);
    }

    [Theory]
    [InlineData("Endpoint", "store", "give http://HOST:PORT")]
    [InlineData("Endpoint", "ftp://store", "give http://HOST:PORT")]
    [InlineData("Endpoint", "http://store/path", "give http://HOST:PORT")]
    [InlineData("PathStyle", "yes", "give on or off")]
    public void Wrong_settings_of_the_store_are_reported(string name, string value, string problem)
    {
        var problems = new List<string>();
        S3Settings.Read(asked => asked == name ? value : null, (about, what) => problems.Add($"{about}: {what}"));
        Assert.StartsWith($"{name}: {problem}", Assert.Single(problems));
    }

    [Fact]
    public void A_started_process_reads_the_same_settings()
    {
        foreach (S3Settings settings in (S3Settings[])
        [
            new(), new() { Region = "eu-central-1" }, new() { Endpoint = new("https://store:9000"), PathStyle = true, Region = "r" }, new() { Endpoint = new("http://store/") },
        ])
        {
            var environment = new Dictionary<string, string?>();
            settings.ApplyTo(environment);
            Assert.Equal(settings, S3Settings.Read(name => environment[$"Spikeformer__S3__{name}"], (name, problem) => Assert.Fail($"{name}: {problem}")));
        }
        Assert.True(S3Settings.Read(name => name == "Endpoint" ? "http://store" : null, (_, _) => { }).PathStyle);
        Assert.False(S3Settings.Read(_ => null, (_, _) => { }).PathStyle);
    }
}
