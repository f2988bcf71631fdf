using System.Text.Json;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

public sealed class EvaluateVerbTests
{
    private static readonly string s_demo = Path.Combine(TestData.RepositoryRoot, "models", "demo", "model.safetensors");

    [Fact]
    public void The_demo_weights_have_the_accuracy_that_their_card_states()
    {
        JsonElement found = ClientProcess.RunJson("evaluate", "--weights", s_demo);
        string card = File.ReadAllText(Path.Combine(Path.GetDirectoryName(s_demo)!, "README.md"));
        int right = Enumerable.Range(0, 11).Sum(label => found.GetProperty("confusion")[label][label].GetInt32());
        Assert.Contains(FormattableString.Invariant($"**{right} of {found.GetProperty("samples").GetInt32()}**"), card);
        Assert.Contains(FormattableString.Invariant($"accuracy {found.GetProperty("accuracy").GetDouble():0.0000}, loss {found.GetProperty("loss").GetDouble():0.0000}"), card);

        // The same figures as in the log of the run that made them.
        EpochTable log = EpochTable.Read(Path.Combine(TestData.RepositoryRoot, "logs", "demo", "epochs.csv"), int.MaxValue);
        Assert.Equal(log[6, "test_loss"], found.GetProperty("loss").GetDouble(), 1e-6);
        Assert.Equal(log[6, "test_acc1"], 100 * found.GetProperty("accuracy").GetDouble());

        JsonElement energy = found.GetProperty("energy");
        Assert.Equal((4.6 * energy.GetProperty("macs").GetDouble() + 0.9 * energy.GetProperty("synapticOperations").GetDouble()) / 1e6, energy.GetProperty("microjoules").GetDouble(), 1e-9);
        Assert.All(found.GetProperty("layers").EnumerateArray().Where(layer => layer.TryGetProperty("firingRate", out _)),
            layer => Assert.InRange(layer.GetProperty("firingRate").GetDouble(), 0.001, 0.999));
    }

    [Fact]
    public async Task Either_a_run_or_weights_must_be_given()
    {
        foreach (string[] options in new string[][] { [], ["--out", "runs/x", "--weights", s_demo] })
        {
            Call call = await Call.Of(["evaluate", .. options]);
            Assert.Equal(((int)ErrorKind.Usage, ""), (call.ExitCode, call.Output));
            Assert.Contains("Give either --out or --weights.", call.Error);
        }
    }

    [Fact]
    public async Task A_step_is_chosen_among_the_checkpoints_of_a_run()
    {
        Call call = await Call.Of("evaluate", "--weights", s_demo, "--step", "3");
        Assert.Equal(((int)ErrorKind.Usage, ""), (call.ExitCode, call.Output));
        Assert.Contains("--step chooses among the checkpoints of --out.", call.Error);
    }

    [Fact]
    public async Task A_file_that_is_no_export_is_refused()
    {
        Call call = await Call.Of("evaluate", "--weights", Path.Combine(TestData.RepositoryRoot, "README.md"));
        Assert.Equal((int)ErrorKind.CheckFailed, call.ExitCode);
        Assert.Contains("README.md", call.Error);
    }
}
