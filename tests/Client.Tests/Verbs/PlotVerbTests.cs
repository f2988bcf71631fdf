using System.Text.Json.Nodes;
using SkiaSharp;
using Spikeformer.Data;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Client.Tests;

public sealed class PlotVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A run directory with so many epochs.</summary>
    private string Run(int epochs)
    {
        Recipe recipe = RecipeCatalogue.Load("demo", null);
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, null, null);
        var directory = new RunDirectory(_folder.Path);
        directory.Begin(RunDescription.Of("trial", recipe, null, dataset, DateTimeOffset.UnixEpoch));
        EpochTable table = EpochTable.Read(directory.EpochsFile, 0);
        for (int epoch = 0; epoch < epochs; epoch++)
            table.Add("demo", "trial", 16, new(epoch, new(10, 100, 200 - 30 * epoch, 20, 10 + 20 * epoch, 50, 0.01, 1), new(100, epoch == 2 ? 60 : 20 * epoch, 90, 210 - 20 * epoch, 1), 1, 1, 1));
        File.WriteAllText(directory.EpochsFile, table.Text);
        return directory.Path;
    }

    [Fact]
    public async Task A_run_becomes_a_picture_and_its_best_epoch_is_told()
    {
        Call call = await Call.Of("plot", "--out", Run(epochs: 4), "--json");
        Assert.Equal((0, ""), (call.ExitCode, call.Error));
        Assert.Equal(_folder["curves.png"], call.Json["file"]!.GetValue<string>());
        Assert.Equal((4, 0.6, 2), (call.Json["epochs"]!.GetValue<int>(), call.Json["bestTestAccuracy"]!.GetValue<double>(), call.Json["bestEpoch"]!.GetValue<int>()));
        Assert.Null(call.Json["reference"]);
        using SKBitmap picture = SKBitmap.Decode(_folder["curves.png"]);
        Assert.Equal((1920, 480), (picture.Width, picture.Height));
    }

    [Fact]
    public async Task The_authors_curves_lie_under_those_of_a_run()
    {
        string run = Run(epochs: 3), alone = _folder["alone.png"], compared = _folder["compared.png"];
        Assert.Equal(0, (await Call.Of("plot", "--out", run, alone)).ExitCode);
        JsonNode told = (await Call.Of("plot", "--out", run, "--json", "--reference", "imagenet", compared)).Json["reference"]!;
        Assert.Equal((0.78308, 125), (Math.Round(told["bestTestAccuracy"]!.GetValue<double>(), 8), told["bestEpoch"]!.GetValue<int>()));
        using SKBitmap one = SKBitmap.Decode(alone), two = SKBitmap.Decode(compared);
        Assert.NotEqual(one.Bytes, two.Bytes);
    }

    [Fact]
    public async Task A_job_on_other_data_must_be_named()
    {
        Call call = await Call.Of("plot", "--out", Run(epochs: 1), "--reference");
        Assert.Equal((int)ErrorKind.Usage, call.ExitCode);
        Assert.Contains("dvscifar10|dvsgesture|imagenet", call.Error);
    }

    [Fact]
    public async Task Without_an_epoch_there_is_nothing_to_draw()
    {
        Call call = await Call.Of("plot", "--out", Run(epochs: 0));
        Assert.Equal(((int)ErrorKind.NotFound, false), (call.ExitCode, File.Exists(_folder["curves.png"])));
        Assert.Contains("no epoch that is over", call.Error);
    }

    [Fact]
    public async Task A_damaged_table_is_named_with_line_and_column()
    {
        string run = Run(epochs: 3), file = Path.Combine(run, "epochs.csv");
        File.WriteAllText(file, File.ReadAllText(file).Replace(",0.01,", ",often,"));
        Call call = await Call.Of("plot", "--out", run);
        Assert.Equal((int)ErrorKind.CheckFailed, call.ExitCode);
        Assert.Contains("epochs.csv, line 2: the column lr holds 'often'", call.Error);
    }
}
