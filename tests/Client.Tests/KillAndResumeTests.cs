using System.Globalization;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

public sealed class KillAndResumeTests
{
    private static readonly string[] Recipe =
    [
        "--recipe", "demo", "--set", "epochs=10", "--set", "data.trainSamples=44", "--set", "data.testSamples=11", "--set", "batch=8", "--set", "shards=3",
        "--set", "model.width=32", "--set", "model.depth=2",
    ];

    // Enough to be killed three times, even on a busy machine.
    private const int Steps = 10 * 6;

    private const int Kill = 9, Continue = 18, Stop = 19;

    [Fact]
    public void A_run_killed_three_times_ends_with_the_bits_of_an_undisturbed_one()
    {
        using RunFolder undisturbed = new(), disturbed = new();
        string expected = ClientProcess.RunJson(["train", .. Recipe, "--out", undisturbed.Path]).GetProperty("weightsDigest").GetString()!;
        Assert.Equal(Steps, undisturbed.Digests().Count);

        var random = new Random(41);
        string[] next = ["train", .. Recipe];
        for (int kill = 0; kill < 3; kill++)
        {
            using ClientProcess client = ClientProcess.Start([.. next, "--out", disturbed.Path, "--checkpoint-every", "2"]);
            int reach = (kill + 1) * 4 + random.Next(3);
            SpinWait.SpinUntil(() => client.HasExited || disturbed.Lines("events.jsonl").Any(line => line.GetProperty("step").GetInt64() >= reach));
            if (client.HasExited) Assert.Fail($"the run ended before it could be killed: {client.Finish()}");
            client.Kill();
            next = ["resume"];
        }
        var end = ClientProcess.RunJson("resume", "--out", disturbed.Path);

        Assert.Equal("completed", end.GetProperty("state").GetString());
        Assert.Equal(undisturbed.Digests(), disturbed.Digests());
        Assert.Equal(expected, end.GetProperty("weightsDigest").GetString());
    }

    /// <summary>The program and its workers are killed while the silo is suspended: nothing holds the run directory, but the silo will continue with its state.</summary>
    [Fact]
    public void A_silo_that_outlives_its_killed_program_keeps_its_state_until_it_ends()
    {
        using RunFolder folder = new();
        string state;
        int silo;
        using (ClientProcess client = ClientProcess.Start(["train", .. Recipe, "--out", folder.Path, "--checkpoint-every", "2"]))
        {
            SpinWait.SpinUntil(() => client.HasExited || folder.Lines("events.jsonl").Any(line => line.GetProperty("kind").GetString() == "checkpoint"));
            state = Directory.GetDirectories(Path.Combine(folder.Path, "cluster")).Single();
            ILookup<bool, int> left = ProcessesOf(state).ToLookup(process => process.IsWorker, process => process.Id);
            silo = left[false].Single();
            ClientProcess.Signal(silo, Stop);
            client.Kill();
            foreach (int worker in left[true]) ClientProcess.Signal(worker, Kill);
        }
        using ClientProcess resumed = ClientProcess.Start(["resume", "--out", folder.Path]);
        // A program that does not wait removes the state within its first second.
        bool isTaken = SpinWait.SpinUntil(() => resumed.HasExited || !Directory.Exists(state), TimeSpan.FromSeconds(3));
        ClientProcess.Signal(silo, Continue);

        (int exitCode, _, string error) = resumed.Finish();
        Assert.False(isTaken, "the state of a silo that still runs was removed");
        Assert.True(exitCode == 0, error);
        Assert.Equal(Steps, folder.Digests().Count);
    }

    private static IEnumerable<(int Id, bool IsWorker)> ProcessesOf(string state)
    {
        foreach (string process in Directory.GetDirectories("/proc").Where(process => char.IsAsciiDigit(Path.GetFileName(process)[0])))
        {
            string[] arguments;
            try
            {
                arguments = File.ReadAllText(Path.Combine(process, "cmdline")).Split('\0');
            }
            catch (IOException)
            {
                continue;
            }
            if (arguments.Contains(state)) yield return (int.Parse(Path.GetFileName(process), CultureInfo.InvariantCulture), arguments.Contains("worker"));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void The_same_run_twice_gives_the_same_digest_at_every_step(int shards)
    {
        TestData.RequireLong();
        using RunFolder first = new(), second = new();
        foreach (RunFolder folder in new[] { first, second })
            ClientProcess.RunJson(["train", .. Recipe, "--set", "epochs=1", "--set", $"shards={shards}", "--out", folder.Path]);
        Assert.Equal(6, first.Digests().Count);
        Assert.Equal(first.Digests(), second.Digests());
    }

    [Fact]
    public void SIGTERM_saves_a_checkpoint_exits_143_and_resume_ends_with_the_same_digest()
    {
        TestData.RequireLong();
        using RunFolder undisturbed = new(), stopped = new();
        ClientProcess.RunJson(["train", .. Recipe, "--out", undisturbed.Path]);
        using (ClientProcess client = ClientProcess.Start(["train", .. Recipe, "--out", stopped.Path, "--checkpoint-every", "1000", "--json"]))
        {
            SpinWait.SpinUntil(() => client.HasExited || stopped.Lines("events.jsonl").Any());
            client.Signal(15);
            (int exitCode, string output, string error) = client.Finish();
            Assert.True(exitCode == 143, $"exit code {exitCode}: {error}");
            Assert.Contains("\"state\":\"stopped\"", output);
        }
        Assert.Contains(stopped.Lines("events.jsonl"), line => line.GetProperty("kind").GetString() == "checkpoint");
        ClientProcess.RunJson("resume", "--out", stopped.Path);
        Assert.Equal(undisturbed.Digests(), stopped.Digests());
    }
}
