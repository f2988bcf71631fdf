using System.Globalization;
using System.Text.Json;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

public sealed class ImageFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_imagenet_recipe_scaled_down_trains_two_epochs_with_the_same_digests_on_one_and_two_workers()
    {
        TestData.RequireLong();
        using var images = new ImageFolderFiles(classes: 3, train: 6, test: 2);
        images.Write("train/b/broken.JPEG", [0xff, 0xd8, 0xff]);
        using RunFolder one = new(), two = new();
        foreach ((RunFolder run, int workers) in new[] { (one, 1), (two, 2) })
        {
            JsonElement end = Json(
                "train", "--recipe", "imagenet", "--data", images.Path, "--out", run.Path, "--workers", workers.ToString(CultureInfo.InvariantCulture),
                "--cache", _folder["given"],
                "--set", "epochs=2", "--set", "batch=6", "--set", "shards=2", "--set", "data.timeSteps=2", "--set", "data.canvas=[32,32]", "--set", "data.badFiles=skip",
                "--set", "model.variant=null", "--set", "model.neuron=pliaf", "--set", "model.strides=[2,2,2]", "--set", "model.width=16", "--set", "model.depth=1",
                "--set", "model.heads=2", "--set", "model.mlpRatio=1");
            Assert.Equal("completed", end.GetProperty("state").GetString());
        }
        Assert.NotEmpty(Directory.GetFiles(_folder["given"]));
        Assert.False(Directory.Exists(_folder["cache"]), "the default cache was used");
        Assert.Equal(6, one.Digests().Count); // 18 of 19 files, 6 a step
        Assert.Equal(one.Digests(), two.Digests());
    }

    [Fact]
    public void Prepare_inspect_and_verify_name_bad_and_changed_files()
    {
        using var images = new ImageFolderFiles();
        JsonElement prepared = Json("data", "prepare", "image-folder", "--source", images.Path);
        Assert.Equal((2, 6, 4), (prepared.GetProperty("classes").GetInt32(), prepared.GetProperty("trainSamples").GetInt32(), prepared.GetProperty("testSamples").GetInt32()));
        Assert.Equal(10, Json("data", "verify", "image-folder", "--source", images.Path).GetProperty("compared").GetInt32());

        images.Write("val/a/bad.png", [1, 2, 3]);
        (int exitCode, string output, string error) = Run("data", "prepare", "image-folder", "--source", images.Path);
        Assert.Equal(6, exitCode);
        Assert.Contains("6 training and 5 test images, 1 of them bad", output);
        Assert.Contains("val/a/bad.png: it is not a JPEG, PNG, GIF, BMP or WebP image", error);
        Assert.Equal(6, Run("data", "verify", "image-folder", "--source", images.Path).ExitCode);

        string png = _folder["sample.png"];
        JsonElement inspected = Json("data", "inspect", "--recipe", "imagenet", "--set", "data.canvas=[32,48]", "--data", images.Path, "--split", "Test", "--sample", "3", "--png", png);
        Assert.Equal([6, 4], inspected.GetProperty("splits").EnumerateArray().Select(split => split.GetProperty("samples").GetInt32()));
        Assert.Equal("val/a/bad.png", inspected.GetProperty("badFiles")[0].GetProperty("path").GetString());
        Assert.Equal([0, 0, 0, 48, 0, 0, 0, 32], File.ReadAllBytes(png)[16..24]);

        (exitCode, _, error) = Run("train", "--recipe", "imagenet", "--set", "data.canvas=[32,32]", "--data", images["train"], "--out", _folder["run"]);
        Assert.Equal(2, exitCode);
        Assert.Contains("has no folder train", error);
    }

    [Fact]
    public void Prepare_imagenet_val_sorts_images_and_names_missing_ones()
    {
        string val = _folder["val"], labels = _folder["valprep.sh"];
        Directory.CreateDirectory(val);
        File.WriteAllText(labels, "mkdir -p n01440764\nmv ILSVRC2012_val_00000293.JPEG n01440764/\nmv ILSVRC2012_val_00002138.JPEG n01440764/\n");
        File.WriteAllText(Path.Combine(val, "ILSVRC2012_val_00000293.JPEG"), "first");
        (int exitCode, string output, string error) = Run("data", "prepare", "imagenet-val", "--source", val, "--labels", labels);
        Assert.Equal(6, exitCode);
        Assert.Contains("1 images sorted, 0 already in place, 1 missing", output);
        Assert.Contains("ILSVRC2012_val_00002138", error);

        File.WriteAllText(Path.Combine(val, "ILSVRC2012_val_00002138.JPEG"), "second");
        JsonElement done = Json("data", "prepare", "imagenet-val", "--source", val, "--labels", labels, "--by", "move");
        Assert.Equal((1, 1, 0), (done.GetProperty("sorted").GetInt32(), done.GetProperty("there").GetInt32(), done.GetProperty("missing").GetInt32()));
        Assert.Equal("second", File.ReadAllText(Path.Combine(val, "n01440764", "ILSVRC2012_val_00002138.JPEG")));
    }

    private (int ExitCode, string Output, string Error) Run(params string[] arguments) => ClientProcess.RunWith(_folder["cache"], arguments);

    private JsonElement Json(params string[] arguments)
    {
        (int exitCode, string output, string error) = Run([.. arguments, "--json"]);
        Assert.True(exitCode == 0, $"exit code {exitCode} of '{string.Join(' ', arguments)}': {error}");
        return JsonDocument.Parse(output).RootElement;
    }
}
