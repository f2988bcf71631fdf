using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Verbs;

public sealed class EvaluateVerbTests
{
    private static readonly string s_demo = Path.Combine(TestData.RepositoryRoot, "models", "demo", "model.safetensors");

    [Fact]
    public void The_demo_weights_have_the_accuracy_that_their_card_states()
    {
        JsonElement found = ClientProcess.RunJson("evaluate", "--weights", s_demo);
        string card = File.ReadAllText(Path.Combine(Path.GetDirectoryName(s_demo)!, "README.md"));
        Assert.Contains("**176 of 176**", card);
        Assert.Equal(176, found.GetProperty("samples").GetInt32());
        // Processors of another class round differently, and now and then another neuron fires.
        Assert.InRange(Enumerable.Range(0, 11).Sum(label => found.GetProperty("confusion")[label][label].GetInt32()), 175, 176);

        // The same figures as in the log of the run that trained them.
        EpochTable log = EpochTable.Read(Path.Combine(TestData.RepositoryRoot, "logs", "demo", "epochs.csv"), int.MaxValue);
        Assert.Equal(100, log[6, "test_acc1"]);
        Assert.Equal(log[6, "test_loss"], found.GetProperty("loss").GetDouble(), 0.005);

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

    /// <summary>The demo weights as PyTorch saves them, in a checkpoint like those of the authors.</summary>
    [Fact]
    public void Weights_of_torch_save_give_the_same_figures_as_an_export()
    {
        using var folder = new TemporaryFolder();
        TorchFile.Write(folder["demo.pth"], SafetensorsReader.ReadFile(s_demo).Tensors);
        JsonElement expected = ClientProcess.RunJson("evaluate", "--weights", s_demo), found = ClientProcess.RunJson("evaluate", "--weights", folder["demo.pth"], "--recipe", "demo");
        foreach (string field in new[] { "accuracy", "loss", "samples" }) Assert.Equal(expected.GetProperty(field).GetDouble(), found.GetProperty(field).GetDouble());
    }

    [Fact]
    public async Task Weights_of_torch_save_need_a_recipe_and_exports_take_none()
    {
        using var folder = new TemporaryFolder();
        TorchFile.Write(folder["x.pth"], SafetensorsReader.ReadFile(s_demo).Tensors);
        Call call = await Call.Of("evaluate", "--weights", folder["x.pth"]);
        Assert.Equal((int)ErrorKind.Usage, call.ExitCode);
        Assert.Contains("Give it with --recipe", call.Error);
        call = await Call.Of("evaluate", "--weights", s_demo, "--recipe", "demo");
        Assert.Equal((int)ErrorKind.Usage, call.ExitCode);
        call = await Call.Of("evaluate", "--weights", folder["x.pth"], "--recipe", "demo", "--set", "model.width=32");
        Assert.Equal((int)ErrorKind.Conflict, call.ExitCode);
        Assert.Contains("belongs to another network", call.Error);
    }

    [Fact]
    public async Task A_file_that_is_not_an_export_is_refused()
    {
        Call call = await Call.Of("evaluate", "--weights", Path.Combine(TestData.RepositoryRoot, "README.md"));
        Assert.Equal((int)ErrorKind.CheckFailed, call.ExitCode);
        Assert.Contains("README.md", call.Error);
    }
}
