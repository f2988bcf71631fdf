using Spikeformer.Checkpoints;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

public sealed class CheckpointExportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Checkpoint _checkpoint = new(new(4), States.Info(4), States.State(4));

    public void Dispose() => _folder.Dispose();

    private static StateTensor[] Network => [.. States.State(4).Where(tensor => tensor.Group == "model")];

    private static List<TensorSpec> Specs => [.. Network.Select(tensor => tensor.Spec)];

    [Fact]
    public void The_network_is_exported_under_the_authors_names_without_optimizer_state()
    {
        CheckpointExport.Write(_checkpoint, _folder["w.safetensors"]);
        States.AssertEqual(Network, CheckpointExport.Read(_folder["w.safetensors"], Specs));
        var content = SafetensorsReader.ReadFile(_folder["w.safetensors"]);
        Assert.Equal(5, content.Tensors.Count);
        Assert.Equal(("pt", "nmnist", "4", """["0","1","10","2"]"""),
            (content.Metadata["format"], content.Metadata["run"], content.Metadata["step"], content.Metadata["classNames"]));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Tensors_are_in_the_order_of_the_network()
    {
        CheckpointExport.Write(_checkpoint, _folder["w.safetensors"]);
        Assert.Equal(Enumerable.Reverse(Specs).Select(spec => spec.Name),
            CheckpointExport.Read(_folder["w.safetensors"], [.. Enumerable.Reverse(Specs)]).Select(tensor => tensor.Name));
    }

    [Fact]
    public void A_file_of_another_network_is_refused_with_all_differences()
    {
        CheckpointExport.Write(_checkpoint, _folder["w.safetensors"]);
        List<TensorSpec> other = [new("head.weight", TensorType.F32, [10, 64]), new("head.bias", TensorType.F32, [10]),
            Specs[0] with { Shape = [1, 2] }, Specs[1] with { Type = TensorType.F64 }, .. Specs[2..4]];
        var error = Assert.Throws<SpikeformerException>(() => CheckpointExport.Read(_folder["w.safetensors"], other));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.StartsWith($"""
            {_folder["w.safetensors"]} belongs to another network:
              2 missing:
                head.weight F32 [10, 64]
                head.bias F32 [10]
              1 unexpected:
                blocks.0.flag BOOL [3]
              2 different:
            """, error.Message);
        Assert.Contains("patch_embed.0.weight is F32 [500, 4], expected F32 [1, 2]", error.Message);
        Assert.Contains("patch_embed.0.bias is F32 [7], expected F64 [7]", error.Message);
    }

    [Fact]
    public void Long_lists_of_differences_are_cut_but_counted()
    {
        var specs = Enumerable.Range(0, 50).Select(i => new TensorSpec($"t{i}", TensorType.F32, [1])).ToList();
        string message = Assert.Throws<SpikeformerException>(() => CheckpointExport.Match([], specs, "x")).Message;
        Assert.Contains("50 missing:", message);
        Assert.Contains("and 30 more", message);
    }

    [Fact]
    public void Missing_damaged_and_weightless_sources_are_refused()
    {
        Assert.Equal(ErrorKind.NotFound, Assert.Throws<SpikeformerException>(() => CheckpointExport.Read(_folder["none"], Specs)).Kind);
        File.WriteAllText(_folder["text"], "no safetensors");
        Assert.Equal(ErrorKind.CheckFailed, Assert.Throws<SpikeformerException>(() => CheckpointExport.Read(_folder["text"], Specs)).Kind);
        var optimizerOnly = _checkpoint with { State = [.. _checkpoint.State.Where(tensor => tensor.Group != "model")] };
        Assert.Equal(ErrorKind.CheckFailed, Assert.Throws<SpikeformerException>(() => CheckpointExport.Write(optimizerOnly, _folder["w"])).Kind);
        Assert.False(File.Exists(_folder["w"]));
    }
}
