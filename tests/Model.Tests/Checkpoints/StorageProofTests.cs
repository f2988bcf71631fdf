using Spikeformer.Checkpoints;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

public sealed class StorageProofTests : IDisposable
{
    private static readonly GenerationId s_first = new(1, "n1"), s_second = new(2, "n2");
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private StorageProof Proof(string directory = "checkpoints") => new(new LocalCheckpointFiles(_folder[directory]));

    [Fact]
    public void Only_a_member_with_the_same_storage_finds_the_proof_of_its_generation()
    {
        StorageProof lead = Proof();
        lead.Write(s_first);
        Assert.True(Proof().Exists(s_first));
        Assert.False(Proof("other").Exists(s_first));
        Assert.False(Proof().Exists(s_second));
        Assert.False(Directory.Exists(_folder["other"]));
    }

    [Fact]
    public void A_new_proof_replaces_all_earlier_ones_and_does_not_touch_checkpoints()
    {
        Directory.CreateDirectory(_folder["checkpoints/step-1"]);
        Proof().Write(s_first);
        StorageProof lead = Proof();
        lead.Write(s_second);
        Assert.False(Proof().Exists(s_first));
        Assert.True(Proof().Exists(s_second));
        lead.Delete();
        lead.Delete();
        Assert.Equal([_folder["checkpoints/step-1"]], Directory.GetDirectories(_folder["checkpoints"]));
    }
}
