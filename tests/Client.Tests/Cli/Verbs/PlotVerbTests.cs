using System.Text.Json.Nodes;
using SkiaSharp;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Verbs;

public sealed class PlotVerbTests
{
    [Fact]
    public async Task A_run_is_drawn_and_its_best_epoch_is_printed()
    {
        using var run = new CurveFolder(epochs: 4);
        Call call = await Call.Of("plot", "--out", run.Path, "--json");
        Assert.Equal((0, ""), (call.ExitCode, call.Error));
        Assert.Equal(run["curves.png"], call.Json["file"]!.GetValue<string>());
        Assert.Equal((4, 0.6, 2), (call.Json["epochs"]!.GetValue<int>(), call.Json["bestTestAccuracy"]!.GetValue<double>(), call.Json["bestEpoch"]!.GetValue<int>()));
        Assert.Null(call.Json["reference"]);
        using SKBitmap picture = SKBitmap.Decode(run["curves.png"]);
        Assert.Equal((1920, 480), (picture.Width, picture.Height));
        // Only curves are colored: two for the loss, two for the accuracy, one for the learning rate.
        Assert.Equal([2, 2, 1], Enumerable.Range(0, 3).Select(panel => Hues(picture, panel * 640)));
    }

    /// <summary>Returns how many of blue, red and green stand out in a panel of 640 columns.</summary>
    private static int Hues(SKBitmap picture, int left)
    {
        var hues = new HashSet<int>();
        for (int x = left; x < left + 640; x++)
            for (int y = 0; y < picture.Height; y++)
            {
                SKColor pixel = picture.GetPixel(x, y);
                byte[] channels = [pixel.Red, pixel.Green, pixel.Blue];
                if (channels.Max() - channels.Min() > 100) hues.Add(channels.IndexOf(channels.Max()));
            }
        return hues.Count;
    }

    [Fact]
    public async Task The_authors_curves_lie_under_those_of_a_run()
    {
        using var run = new CurveFolder(epochs: 3);
        string alone = run["alone.png"], compared = run["compared.png"];
        Assert.Equal(0, (await Call.Of("plot", "--out", run.Path, alone)).ExitCode);
        JsonNode told = (await Call.Of("plot", "--out", run.Path, "--json", "--reference", "imagenet", compared)).Json["reference"]!;
        Assert.Equal((0.78308, 125), (Math.Round(told["bestTestAccuracy"]!.GetValue<double>(), 8), told["bestEpoch"]!.GetValue<int>()));
        using SKBitmap one = SKBitmap.Decode(alone), two = SKBitmap.Decode(compared);
        Assert.NotEqual(one.Bytes, two.Bytes);
    }

    [Fact]
    public async Task A_job_on_other_data_must_be_named()
    {
        using var run = new CurveFolder(epochs: 1);
        Call call = await Call.Of("plot", "--out", run.Path, "--reference");
        Assert.Equal((int)ErrorKind.Usage, call.ExitCode);
        Assert.Contains("dvscifar10|dvsgesture|imagenet", call.Error);
    }

    [Fact]
    public async Task Without_an_epoch_there_is_nothing_to_draw()
    {
        using var run = new CurveFolder(epochs: 0);
        Call call = await Call.Of("plot", "--out", run.Path);
        Assert.Equal(((int)ErrorKind.NotFound, false), (call.ExitCode, File.Exists(run["curves.png"])));
        Assert.Contains("no completed epochs", call.Error);
    }

    [Fact]
    public async Task A_damaged_table_is_named_with_line_and_column()
    {
        using var run = new CurveFolder(epochs: 3);
        File.WriteAllText(run["epochs.csv"], File.ReadAllText(run["epochs.csv"]).Replace(",0.01,", ",often,"));
        Call call = await Call.Of("plot", "--out", run.Path);
        Assert.Equal((int)ErrorKind.CheckFailed, call.ExitCode);
        Assert.Contains("epochs.csv, line 2: the column lr holds 'often'", call.Error);
    }
}
