using Xunit;

namespace Spikeformer.Client.Tests.Cli.Verbs;

public sealed class DataVerbTests
{
    [Fact]
    public void Inspect_shows_counts_and_classes_and_renders_a_sample_as_PNG()
    {
        using var folder = new RunFolder();
        Directory.CreateDirectory(folder.Path);
        string png = Path.Combine(folder.Path, "sample.png");
        var found = ClientProcess.RunJson("data", "inspect", "--recipe", "demo", "--set", "data.trainSamples=22", "--set", "data.testSamples=11",
            "--sample", "3", "--png", png);

        Assert.Equal(11, found.GetProperty("classes").GetArrayLength());
        Assert.Equal([22, 11], found.GetProperty("splits").EnumerateArray().Select(split => split.GetProperty("samples").GetInt32()));
        byte[] image = File.ReadAllBytes(png);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10], image[..8]);
        // Four frames of 32 pixels, enlarged four times, with a line between neighbors.
        Assert.Equal((4 * 32 * 4 + 3, 32 * 4), (BigEndian(image, 16), BigEndian(image, 20)));
    }

    [Fact]
    public void Inspect_of_a_missing_sample_names_the_range()
    {
        using var folder = new RunFolder();
        (int exitCode, _, string error) = ClientProcess.Run(
            "data", "inspect", "--recipe", "demo", "--set", "data.trainSamples=22", "--sample", "22", "--png", Path.Combine(folder.Path, "x.png"));
        Assert.Equal(2, exitCode);
        Assert.Contains("from 0 to 21", error);
    }

    [Fact]
    public void Download_of_a_data_set_that_must_be_fetched_by_hand_names_its_page()
    {
        using var folder = new RunFolder();
        (int exitCode, _, string error) = ClientProcess.Run("data", "download", "dvs-gesture", "--out", folder.Path);
        Assert.Equal(2, exitCode);
        Assert.Contains("by hand from https://", error);
        Assert.False(Directory.Exists(folder.Path));
    }

    [Fact]
    public void Prepare_names_an_archive_that_is_not_the_published_one()
    {
        using var folder = new RunFolder();
        Directory.CreateDirectory(Path.Combine(folder.Path, "download"));
        string archive = Path.Combine(folder.Path, "download", "cat.zip");
        File.WriteAllText(archive, "half a download");
        (int exitCode, string output, string error) = ClientProcess.Run(
            "data", "prepare", "dvs-cifar10", "--source", folder.Path, "--out", Path.Combine(folder.Path, "prepared"));
        Assert.Equal((6, ""), (exitCode, output));
        Assert.Contains($"{archive} has the MD5 sum", error);
        Assert.Contains("52c63c677c2b15fa5146a8daf4d56687", error);
    }

    [Fact]
    public void Prepare_with_a_recipe_of_another_kind_is_refused()
    {
        using var folder = new RunFolder();
        (int exitCode, _, string error) = ClientProcess.Run(
            "data", "prepare", "dvs-gesture", "--recipe", "nmnist", "--source", folder.Path, "--out", folder.Path);
        Assert.Equal(2, exitCode);
        Assert.Contains("recipe nmnist is not for dvs-gesture", error);
    }

    private static int BigEndian(byte[] bytes, int at) => System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at));
}
