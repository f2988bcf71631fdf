using System.Security.Cryptography;
using System.Text;
using Spikeformer.Checkpoints;
using Spikeformer.Numerics;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

/// <summary>Any damage to the newest checkpoint's files is found, and the checkpoint before it is used.</summary>
public sealed class CheckpointDamageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CheckpointStore _store;
    private readonly string _newest;

    public CheckpointDamageTests()
    {
        _store = new(_folder.Path, States.SmallSlices);
        foreach (long step in (long[])[1, 2]) _store.Save(States.Info(step), States.State(step));
        _newest = _folder["step-2"];
    }

    public void Dispose() => _folder.Dispose();

    private string AssertFallsBack()
    {
        var skipped = Assert.Single(States.AssertNewest(_store, 1).Skipped);
        Assert.Equal(2, skipped.Id.Step);
        Assert.NotEmpty(_store.Verify(2));
        Assert.NotEqual(ErrorKind.Failed, Assert.Throws<SpikeformerException>(() => _store.Read(2)).Kind);
        return skipped.Reason;
    }

    [Fact]
    public void Any_flipped_byte_is_found()
    {
        var random = new KeyedRandom(5, RandomPurpose.Synthetic);
        foreach (string file in Directory.GetFiles(_newest).Order(StringComparer.Ordinal))
        {
            long length = new FileInfo(file).Length;
            for (int i = 0; i < 40; i++)
            {
                // Both ends and random places between them; from one bit to all bits of a byte.
                long position = i switch { 0 => 0, 1 => length - 1, _ => random.NextInt32((int)length) };
                byte mask = (byte)(1 + random.NextInt32(255));
                States.FlipByte(file, position, mask);
                Assert.Contains(Path.GetFileName(file), AssertFallsBack());
                States.FlipByte(file, position, mask);
            }
        }
        States.AssertNewest(_store, 2);
    }

    [Fact]
    public void Every_flipped_bit_of_a_manifest_is_found()
    {
        byte[] bytes = File.ReadAllBytes(Path.Combine(_newest, Manifest.FileName));
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<SpikeformerException>(() => Manifest.Parse(bytes, "m"));
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        Manifest.Parse(bytes, "m");
    }

    [Fact]
    public void Any_truncation_or_extension_is_found()
    {
        var random = new KeyedRandom(6, RandomPurpose.Synthetic);
        foreach (string file in Directory.GetFiles(_newest))
        {
            byte[] whole = File.ReadAllBytes(file);
            foreach (int length in (int[])[0, 7, whole.Length - 1, random.NextInt32(whole.Length), random.NextInt32(whole.Length)])
            {
                File.WriteAllBytes(file, whole[..length]);
                AssertFallsBack();
            }
            File.WriteAllBytes(file, [.. whole, 0]);
            AssertFallsBack();
            File.WriteAllBytes(file, whole);
        }
        States.AssertNewest(_store, 2);
    }

    [Fact]
    public void A_deleted_slice_is_found_and_a_deleted_manifest_means_no_checkpoint()
    {
        string slice = Path.Combine(_newest, "model-00002-of-00002.safetensors");
        byte[] whole = File.ReadAllBytes(slice);
        File.Delete(slice);
        Assert.Contains("model-00002-of-00002.safetensors: it does not exist", AssertFallsBack());
        File.WriteAllBytes(slice, whole);
        File.Delete(Path.Combine(_newest, Manifest.FileName));
        Assert.Empty(States.AssertNewest(_store, 1).Skipped);
    }

    [Fact]
    public void Files_swapped_between_checkpoints_or_within_one_are_found()
    {
        Swap(_folder["step-1/model-00001-of-00002.safetensors"], Path.Combine(_newest, "model-00001-of-00002.safetensors"));
        Assert.Equal(2, _store.TryReadNewest().Skipped.Count);
        Assert.Contains("step-1: ", Assert.Throws<SpikeformerException>(() => _store.ReadNewest()).Message);
        Swap(_folder["step-1/model-00001-of-00002.safetensors"], Path.Combine(_newest, "model-00001-of-00002.safetensors"));
        Swap(Path.Combine(_newest, "optimizer-00001-of-00004.safetensors"), Path.Combine(_newest, "optimizer-00002-of-00004.safetensors"));
        AssertFallsBack();
        Swap(Path.Combine(_newest, "optimizer-00001-of-00004.safetensors"), Path.Combine(_newest, "optimizer-00002-of-00004.safetensors"));
        File.Copy(_folder["step-1/manifest.json"], Path.Combine(_newest, "manifest.json"), overwrite: true);
        Assert.Contains("belongs to step-1", AssertFallsBack());
    }

    [Theory]
    [InlineData("../step-1/model-00001-of-00002.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("..")]
    [InlineData("manifest.json")]
    [InlineData("model-00001-of-00002.safetensors\\u0000")]
    [InlineData("model-00001-of-00002.safetensors\\n")]
    public void A_manifest_cannot_point_outside_its_folder(string name)
    {
        EditManifest(text => text.Replace("model-00001-of-00002.safetensors", name, StringComparison.Ordinal));
        Assert.Contains("is not the name of a slice", AssertFallsBack());
    }

    [Fact]
    public void The_storage_itself_refuses_names_with_a_path()
    {
        var files = new LocalCheckpointFiles(_folder.Path);
        foreach (string name in (string[])["", ".", "..", "a/b", "/a"])
        {
            Assert.Throws<ArgumentException>(() => files.OpenRead("step-1", name));
            Assert.Throws<ArgumentException>(() => files.DeleteFolder(name));
        }
    }

    [Theory]
    [InlineData("\"lineage\": 0,", "\"lineage\": 0, \"extra\": 1,", "extra")]
    [InlineData("\"lineage\": 0,", "\"lineage\": 0, \"lineage\": 0,", "lineage")]
    [InlineData("\"run\": \"nmnist\",", "", "run")]
    [InlineData("\"step\": 2,", "\"step\": -2,", "Step is -2")]
    [InlineData("\"step\": 2,", "\"step\": \"2\",", "step")]
    [InlineData("\"stepDigest\": \"", "\"stepDigest\": \"G", "StepDigest is")]
    [InlineData("\"classNames\": [", "\"classNames\": null, \"x\": [", "classNames")]
    [InlineData("model-00002-of", "model-00001-of", "is listed twice")]
    [InlineData("\"blocks.0.flag\"", "\"patch_embed.0.bias\"", "tensor 'patch_embed.0.bias' is listed twice")]
    [InlineData("\"bytes\": ", "\"bytes\": -", "has no valid size")]
    public void A_manifest_with_a_right_hash_but_wrong_content_is_refused(string old, string replacement, string expected)
    {
        EditManifest(text => text.Replace(old, replacement, StringComparison.Ordinal));
        string reason = AssertFallsBack();
        Assert.Contains("manifest.json is damaged", reason);
        Assert.Contains(expected, reason);
    }

    [Fact]
    public void A_slice_with_other_tensors_than_the_manifest_lists_is_refused()
    {
        EditManifest(text => text.Replace("\"blocks.0.flag\"", "\"blocks.0.other\"", StringComparison.Ordinal));
        var skipped = Assert.Single(States.AssertNewest(_store, 1).Skipped);
        Assert.Contains("its tensors are not those in the manifest", skipped.Reason);
    }

    [Fact]
    public void A_checkpoint_of_a_later_version_is_reported_as_such_and_never_removed()
    {
        string path = Path.Combine(_newest, Manifest.FileName);
        File.WriteAllText(path, """{ "version": 2, "all": "else is unknown" }""");
        Assert.Contains("field version is 2, but this program reads version 1", AssertFallsBack());
        Assert.Equal(ErrorKind.Conflict, Assert.Throws<SpikeformerException>(() => _store.Save(States.Info(2), States.State(2))).Kind);
        foreach (long step in (long[])[3, 4, 5]) _store.Save(States.Info(step), States.State(step));
        Assert.Equal([5, 4, 2], _store.List().Select(entry => entry.Id.Step));
    }

    // Changes the text and corrects its hash, as an attacker or a careless editor could.
    private void EditManifest(Func<string, string> edit)
    {
        string path = Path.Combine(_newest, Manifest.FileName);
        string text = File.ReadAllText(path);
        string original = text[..text.LastIndexOf(",\n  \"sha256\"", StringComparison.Ordinal)];
        string body = edit(original);
        Assert.NotEqual(original, body);
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body)));
        File.WriteAllText(path, $"{body},\n  \"sha256\": \"{hash}\"\n}}\n");
    }

    private void Swap(string a, string b)
    {
        File.Move(a, _folder["swap"]);
        File.Move(b, a);
        File.Move(_folder["swap"], b);
    }
}
