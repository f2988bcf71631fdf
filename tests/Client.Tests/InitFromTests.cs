using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Client.Tests.Cli;
using Spikeformer.Contracts;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

/// <summary><c>train --init-from WEIGHTS --start-epoch N</c>.</summary>
public sealed class InitFromTests : IDisposable
{
    private static readonly string s_demo = Path.Combine(TestData.RepositoryRoot, "models", "demo", "model.safetensors");
    private static readonly string[] s_train =
        ["train", "--recipe", "demo", "--set", "epochs=3", "--set", "data.trainSamples=22", "--set", "data.testSamples=11", "--set", "batch=8", "--set", "shards=2"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_pth_file_and_an_export_of_the_same_weights_give_the_same_run_which_resumes_as_it_began()
    {
        TorchFile.Write(_folder["demo.pth"], SafetensorsReader.ReadFile(s_demo).Tensors);
        JsonElement[] ends =
        [
            .. new[] { ("a", s_demo), ("b", _folder["demo.pth"]) }.Select(one =>
                ClientProcess.RunJson([.. s_train, "--init-from", one.Item2, "--start-epoch", "2", "--workers", "1", "--out", _folder[one.Item1]])),
        ];
        Assert.Equal(ends[0].GetProperty("weightsDigest").GetString(), ends[1].GetProperty("weightsDigest").GetString());
        Assert.Equal((3, 9), (ends[0].GetProperty("epoch").GetInt32(), ends[0].GetProperty("step").GetInt32()));

        RunSpec resumed = RunSpecs.Resuming(_folder["b"]);
        Assert.Equal((_folder["demo.pth"], 2), (resumed.InitFrom, resumed.StartEpoch));
        JsonElement origin = JsonDocument.Parse(File.ReadAllText(_folder["b/run.json"])).RootElement.GetProperty("origin");
        Assert.Equal((_folder["demo.pth"], 64, 2), (origin.GetProperty("weights").GetString(), origin.GetProperty("sha256").GetString()!.Length, origin.GetProperty("epoch").GetInt32()));
    }

    [Fact]
    public void Weights_of_another_network_fail_the_run_with_the_names_and_shapes_of_the_tensors()
    {
        (int exitCode, _, string error) = ClientProcess.Run([.. s_train, "--set", "model.width=32", "--init-from", s_demo, "--workers", "1", "--out", _folder["run"]]);
        Assert.Equal((int)ErrorKind.Conflict, exitCode);
        Assert.Contains($"{s_demo} belongs to another network", error);
        Assert.Contains("model.pos_embed is F32 [1, 64, 64], expected F32 [1, 64, 32]", error);
        Assert.Contains("or the recipe of the checkpoint", error);
    }

    [Theory]
    [InlineData(ErrorKind.Usage, "A run cannot start in epoch 3: the recipe has epochs 0 to 2", "--init-from", "weights", "--start-epoch", "3")]
    [InlineData(ErrorKind.Usage, "A run cannot start in epoch 1 without trained weights", "--start-epoch", "1")]
    [InlineData(ErrorKind.NotFound, "contains no weights to start from", "--init-from", "no-such-run")]
    public async Task Impossible_initial_weights_and_epochs_are_refused_before_anything_is_written(ErrorKind kind, string message, params string[] options)
    {
        Call call = await Call.Of([.. s_train, .. options, "--out", _folder["run"]]);
        Assert.Equal(((int)kind, ""), (call.ExitCode, call.Output));
        Assert.Contains(message, call.Error);
        Assert.False(Directory.Exists(_folder["run"]));
    }
}
