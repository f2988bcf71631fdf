using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

/// <summary>A user's mistake ends with a message and an exit code, and leaves nothing half-written.</summary>
public sealed class BadInputTests : IDisposable
{
    private const int Failed = 1, Usage = 2, NotFound = 3, Conflict = 4, CheckFailed = 6;
    private static readonly string[] Small =
    [
        "--recipe", "demo", "--set", "epochs=1", "--set", "data.trainSamples=22", "--set", "data.testSamples=11", "--set", "data.canvas=[16,16]",
        "--set", "model.width=32",
    ];

    private readonly string _root = Directory.CreateTempSubdirectory("spikeformer-test-").FullName;

    private string Run => Path.Combine(_root, "run");

    [Fact]
    public void A_missing_data_folder_is_named()
    {
        Refuses(NotFound, "no-such-folder", "train", "--recipe", "nmnist", "--data", Path.Combine(_root, "no-such-folder"), "--out", Run);
        Assert.False(Directory.Exists(Run));
    }

    [Fact]
    public void A_canvas_that_the_strides_do_not_divide_is_refused_before_anything_is_written()
    {
        Refuses(Usage, ["canvas", "4"], "train", "--recipe", "demo", "--set", "data.canvas=[30,30]", "--out", Run);
        Assert.False(Directory.Exists(Run));
    }

    [Fact]
    public void A_truncated_recording_is_named_with_the_byte_where_it_breaks()
    {
        string broken = Recordings();
        File.WriteAllBytes(broken, [.. File.ReadAllBytes(broken), 1, 2]);
        Refuses(CheckFailed, [broken, "byte 25"], "train", "--recipe", "nmnist", "--data", Path.Combine(_root, "data"), "--out", Run);
    }

    [Fact]
    public void A_pixel_outside_the_sensor_is_named_with_its_byte()
    {
        string broken = Recordings();
        byte[] events = File.ReadAllBytes(broken);
        events[10] = 34;
        File.WriteAllBytes(broken, events);
        Refuses(CheckFailed, [broken, "byte 10"], "train", "--recipe", "nmnist", "--data", Path.Combine(_root, "data"), "--out", Run);
    }

    [Fact]
    public void An_unreadable_recipe_lists_all_mistakes_with_their_lines()
    {
        string recipe = Path.Combine(_root, "bad.json");
        File.WriteAllText(recipe, "{\n  \"name\": \"x\",\n  \"epoch\": 3,\n  \"batch\": \"many\"\n}\n");
        Refuses(Usage, ["epoch", "epochs", ":3:", "batch", ":4:"], "train", "--recipe", recipe, "--out", Run);
    }

    [Fact]
    public void A_directory_that_holds_a_run_is_not_overwritten()
    {
        ClientProcess.RunJson(["train", .. Small, "--out", Run]);
        string before = File.ReadAllText(Path.Combine(Run, "steps.jsonl"));
        Refuses(Conflict, ["resume", Run], ["train", .. Small, "--out", Run]);
        Assert.Equal(before, File.ReadAllText(Path.Combine(Run, "steps.jsonl")));
    }

    [Fact]
    public void Resume_evaluate_and_export_of_a_missing_run_are_refused()
    {
        foreach (string verb in new[] { "resume", "evaluate" }) Refuses(NotFound, "run.json", verb, "--out", Run);
        Refuses(NotFound, "run.json", "export", "--out", Run, Path.Combine(_root, "x.safetensors"));
        Assert.False(Directory.Exists(Run));
    }

    [Fact]
    public void A_damaged_checkpoint_is_skipped_with_its_reason_and_the_bits_stay_the_same()
    {
        TestData.RequireLong();
        string expected = ClientProcess.RunJson(["train", .. Small, "--out", Run, "--checkpoint-every", "1"]).GetProperty("weightsDigest").GetString()!;
        string newest = Directory.GetDirectories(Path.Combine(Run, "checkpoints")).OrderBy(d => int.Parse(d.Split('-')[^1])).Last();
        string slice = Directory.GetFiles(newest, "model-*").First();
        using (FileStream file = File.OpenWrite(slice))
        {
            file.Position = file.Length / 2;
            file.WriteByte(0x5a);
            file.WriteByte(0xa5);
        }
        (int verified, string report, _) = ClientProcess.Run("checkpoint", "verify", "--out", Run);
        Assert.Equal(CheckFailed, verified);
        Assert.Contains(Path.GetFileName(slice), report);

        (int exitCode, string output, string error) = ClientProcess.Run("resume", "--out", Run, "--json");
        Assert.True(exitCode == 0, error);
        Assert.Contains("Skipped checkpoint", error);
        Assert.Contains(expected, output);
    }

    [Fact]
    public void A_checkpoint_of_another_network_is_refused()
    {
        TestData.RequireLong();
        string other = Path.Combine(_root, "other");
        ClientProcess.RunJson(["train", .. Small, "--out", Run]);
        ClientProcess.RunJson(["train", .. Small, "--set", "model.depth=2", "--out", other]);
        Directory.Delete(Path.Combine(Run, "checkpoints"), recursive: true);
        Directory.Move(Path.Combine(other, "checkpoints"), Path.Combine(Run, "checkpoints"));
        Refuses(Conflict, "recipe", "resume", "--out", Run);
    }

    [Fact]
    public void Data_with_a_wrong_number_of_classes_are_refused()
    {
        Recordings();
        Directory.Delete(Path.Combine(_root, "data", "Train", "9"), recursive: true);
        Refuses(Usage, "9", "train", "--recipe", "nmnist", "--data", Path.Combine(_root, "data"), "--out", Run);
    }

    [Fact]
    public void A_full_disk_raises_an_alarm_and_training_continues_to_its_end()
    {
        TestData.RequireLong();
        string mount = Path.Combine(_root, "small");
        Directory.CreateDirectory(mount);
        using (var made = System.Diagnostics.Process.Start("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", mount]))
        {
            made.WaitForExit();
            Assert.SkipUnless(made.ExitCode == 0, "mounting a small file system is not allowed here");
        }
        try
        {
            (int exitCode, string output, string error) = ClientProcess.Run(["train", .. Small, "--out", Path.Combine(mount, "run"), "--json"]);
            Assert.True(exitCode == 0, error);
            Assert.Contains("\"state\":\"completed\"", output);
            Assert.Contains("not saved", error);
            Assert.Empty(Directory.GetFiles(mount, "model-*", SearchOption.AllDirectories));
        }
        finally
        {
            using var unmounted = System.Diagnostics.Process.Start("umount", [mount]);
            unmounted.WaitForExit();
        }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static void Refuses(int exitCode, string mention, params string[] arguments) => Refuses(exitCode, [mention], arguments);

    private static void Refuses(int exitCode, string[] mentions, params string[] arguments)
    {
        (int actual, string output, string error) = ClientProcess.Run(arguments);
        Assert.True(actual == exitCode, $"exit code {actual} instead of {exitCode}: {error}");
        Assert.All(mentions, mention => Assert.Contains(mention, error));
        Assert.Equal("", output);
        Assert.DoesNotContain("   at ", error);
    }

    /// <summary>Writes a tiny data set in the layout of N-MNIST: one recording of five events per class.</summary>
    /// <returns>One of the recordings.</returns>
    private string Recordings()
    {
        byte[] events = [.. Enumerable.Range(0, 5).SelectMany(i => new byte[] { (byte)(3 * i), (byte)(30 - i), (byte)((i & 1) << 7), 1, (byte)i })];
        foreach (string split in new[] { "Train", "Test" })
            for (int digit = 0; digit < 10; digit++)
            {
                string folder = Path.Combine(_root, "data", split, $"{digit}");
                Directory.CreateDirectory(folder);
                File.WriteAllBytes(Path.Combine(folder, "00001.bin"), events);
            }
        return Path.Combine(_root, "data", "Train", "4", "00001.bin");
    }
}
