using System.IO.Compression;
using System.Runtime.InteropServices;
using Spikeformer.Checkpoints;
using Spikeformer.Checkpoints.Torch;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints.Torch;

/// <summary>Files that <c>make_fixture.py</c> in this folder wrote with Python's own pickle.</summary>
public sealed class TorchArchiveTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("authors.pth")]
    [InlineData("authors-4.pth")]
    public void A_checkpoint_like_the_authors_gives_its_state_dictionary(string file)
    {
        TorchCheckpoint checkpoint = TorchArchive.Read(Fixture(file));
        Assert.True(TorchArchive.IsArchive(Fixture(file)));
        Assert.Equal(125, checkpoint.Epoch);
        Assert.Equal(["plain", "transposed", "part", "half", "double", "counts", "none"], checkpoint.Tensors.Select(tensor => tensor.Name));
        Dictionary<string, StateTensor> tensors = checkpoint.Tensors.ToDictionary(tensor => tensor.Name);
        Assert.Equal("F32 [2, 3]", tensors["plain"].Spec.Layout);
        Assert.Equal([0, 0.5f, 1, 1.5f, 2, 2.5f], Values<float>(tensors["plain"]));
        Assert.Equal("F32 [3, 2]", tensors["transposed"].Spec.Layout);
        Assert.Equal([0, 1.5f, 0.5f, 2, 1, 2.5f], Values<float>(tensors["transposed"]));
        Assert.Equal([3.5f, 4.5f], Values<float>(tensors["part"]));
        Assert.Equal([(Half)1, (Half)(-2)], Values<Half>(tensors["half"]));
        Assert.Equal(("F64 []", 3.5), (tensors["double"].Spec.Layout, Values<double>(tensors["double"])[0]));
        Assert.Equal([-4, 5, 1L << 40], Values<long>(tensors["counts"]));
        Assert.Equal(("F32 [0, 4]", 0), (tensors["none"].Spec.Layout, tensors["none"].Data.Length));
    }

    [Fact]
    public void A_file_of_another_format_is_refused_with_its_name()
    {
        string text = _folder["text.pth"];
        File.WriteAllText(text, "not a zip");
        Assert.False(TorchArchive.IsArchive(text));
        Assert.Equal(ErrorKind.CheckFailed, Refused(text).Kind);
        using (ZipArchive zip = ZipFile.Open(_folder["empty.zip"], ZipArchiveMode.Create)) zip.CreateEntry("readme").Open().Dispose();
        Assert.Contains("data.pkl is missing", Refused(_folder["empty.zip"]).Message);
        Assert.Equal(ErrorKind.NotFound, Refused(_folder["missing.pth"]).Kind);
    }

    [Fact]
    public void Missing_values_and_a_tensor_that_exceeds_them_are_reported()
    {
        string file = Copy();
        using (ZipArchive zip = ZipFile.Open(file, ZipArchiveMode.Update)) zip.GetEntry("authors/data/3")!.Delete();
        Assert.Contains("data/3 are missing", Refused(file).Message);
        Rewrite(file, "authors/data/3", new byte[16]);
        Assert.Contains("'counts' exceeds its stored values", Refused(file).Message);
    }

    /// <summary>A pickle that would run a command in Python is read as data. It is not a state dictionary.</summary>
    [Fact]
    public void A_pickle_that_would_run_a_command_runs_nothing()
    {
        string file = Copy();
        Rewrite(file, "authors/data.pkl", [0x80, 2, .. "cposix\nsystem\n(X\u000a\0\0\0touch /owntR."u8]);
        Assert.Equal(ErrorKind.CheckFailed, Refused(file).Kind);
    }

    [Fact]
    public void Any_damage_to_the_pickle_gives_weights_or_a_SpikeformerException()
    {
        byte[] pickle;
        using (ZipArchive zip = ZipFile.OpenRead(Fixture("authors.pth")))
        {
            using Stream stream = zip.GetEntry("authors/data.pkl")!.Open();
            var copy = new MemoryStream();
            stream.CopyTo(copy);
            pickle = copy.ToArray();
        }
        var random = new Random(5);
        int refused = 0;
        for (int round = 0; round < 3000; round++)
        {
            byte[] damaged = [.. pickle];
            for (int i = random.Next(1, 4); i > 0; i--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            if (random.Next(4) == 0) damaged = damaged[..random.Next(damaged.Length)];
            try
            {
                PickleReader.Read(damaged, "x.pth");
            }
            catch (SpikeformerException error)
            {
                Assert.Equal(ErrorKind.CheckFailed, error.Kind);
                refused++;
            }
        }
        Assert.InRange(refused, 1000, 2999);
    }

    private static T[] Values<T>(StateTensor tensor) where T : struct => MemoryMarshal.Cast<byte, T>(tensor.Data.Span).ToArray();

    private static SpikeformerException Refused(string file) => Assert.Throws<SpikeformerException>(() => TorchArchive.Read(file));

    private static string Fixture(string file) => Path.Combine(TestData.RepositoryRoot, "tests", "Model.Tests", "Checkpoints", "Torch", file);

    private string Copy()
    {
        string file = _folder["copy.pth"];
        File.Copy(Fixture("authors.pth"), file, overwrite: true);
        return file;
    }

    private static void Rewrite(string file, string entry, byte[] bytes)
    {
        using ZipArchive zip = ZipFile.Open(file, ZipArchiveMode.Update);
        zip.GetEntry(entry)?.Delete();
        using Stream stream = zip.CreateEntry(entry).Open();
        stream.Write(bytes);
    }
}
