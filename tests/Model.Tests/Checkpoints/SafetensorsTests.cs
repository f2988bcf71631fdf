using System.Buffers.Binary;
using System.Text;
using Spikeformer.Checkpoints;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

public sealed class SafetensorsTests
{
    [Fact]
    public void Written_tensors_are_read_back_with_their_metadata()
    {
        var state = States.State(3);
        var content = RoundTrip(state, new Dictionary<string, string> { ["format"] = "pt", ["run"] = "ä\n\"" });
        States.AssertEqual([.. state.OrderBy(t => t.Name, StringComparer.Ordinal)], [.. content.Tensors.OrderBy(t => t.Name, StringComparer.Ordinal)]);
        Assert.Equal("pt", content.Metadata["format"]);
        Assert.Equal("ä\n\"", content.Metadata["run"]);
    }

    [Fact]
    public void Every_type_and_shape_survives()
    {
        StateTensor[] state = [.. Enum.GetValues<TensorType>().SelectMany((type, i) => new[]
        {
            States.Tensor($"{type}.matrix", type, [3, 5], index: i), States.Tensor($"{type}.scalar", type, [], index: i),
            States.Tensor($"{type}.empty", type, [4, 0, 2], index: i),
        })];
        var content = RoundTrip(state).Tensors.ToDictionary(tensor => tensor.Name);
        States.AssertEqual(state, [.. state.Select(tensor => content[tensor.Name])]);
    }

    [Fact]
    public void Values_are_aligned_to_their_size_and_begin_at_a_multiple_of_64()
    {
        byte[] file = Write([States.Tensor("flag", TensorType.Bool, [3]), States.Tensor("a", TensorType.F32, [5]), States.Tensor("n", TensorType.I64, [1])]);
        long dataStart = 8 + BinaryPrimitives.ReadInt64LittleEndian(file);
        Assert.Equal(0, dataStart % 64);
        // The header, parsed independently: widest types first, no gaps.
        string header = Encoding.UTF8.GetString(file, 8, (int)dataStart - 8).TrimEnd(' ');
        Assert.Equal("""{"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[5],"data_offsets":[8,28]},"flag":{"dtype":"BOOL","shape":[3],"data_offsets":[28,31]}}""", header);
        Assert.Equal(dataStart + 31, file.Length);
    }

    [Fact]
    public void Golden_files_are_read_to_the_bytes_that_an_independent_reader_finds()
    {
        string[] files = Directory.GetFiles(GoldenFile.Folder, "*.safetensors");
        Assert.NotEmpty(files);
        foreach (string file in files.Where(file => new FileInfo(file).Length < 4 << 20))
        {
            var golden = GoldenFile.Load(Path.GetFileName(file));
            var read = SafetensorsReader.ReadFile(file);
            Assert.Equal(golden.Tensors.Keys.Order(), read.Tensors.Select(tensor => tensor.Name).Order());
            Assert.Equal(golden.Metadata.OrderBy(pair => pair.Key), read.Metadata.OrderBy(pair => pair.Key));
            foreach (StateTensor tensor in read.Tensors)
            {
                Assert.Equal(golden[tensor.Name].DType, tensor.Type.SafetensorsName());
                Assert.Equal(golden[tensor.Name].Shape, tensor.Shape);
                Assert.True(tensor.Data.Span.SequenceEqual(golden[tensor.Name].Bytes), tensor.Name);
            }
        }
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x""", 8, "byte 63: the header is not valid JSON")]
    [InlineData("""[1]""", 0, "byte 8: expected an object, not StartArray")]
    [InlineData("""{"a":5}""", 0, "byte 13: expected an object for tensor 'a', not Number")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}""", 8, "byte 62: the name 'a' occurs twice")]
    [InlineData("""{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}""", 8, "byte 9: tensor 'a' has the unknown type 'F33'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"z":1}}""", 8, "byte 9: tensor 'a' has the unknown field 'z'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", 8, "byte 9: tensor 'a' needs a name, a dtype, a shape and two data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "byte 9: tensor 'a' of F32 [3] needs 12 bytes, but its offsets 0 to 8 span 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "byte 37: expected a whole number of at least 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", 8, "byte 37: expected a whole number of at least 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}""", 8, "is too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "needs 8 bytes, but its offsets 8 to 0 span -8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""", 8, "byte 9: tensor 'a' at offsets 0 to 12 reaches beyond the 8 bytes of data")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "byte 62: tensor 'b' at offsets 4 to 8 overlaps the tensor before it")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "byte 9: tensor 'a' at offsets 4 to 8 leaves a gap of 4 bytes before it")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "byte 70: the file continues after the end of the last tensor")]
    [InlineData("""{"__metadata__":{"k":1}}""", 0, "byte 29: expected a text, not Number")]
    public void A_bad_header_is_refused_with_file_and_byte(string header, int dataBytes, string expected)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        var error = Assert.Throws<SpikeformerException>(() => SafetensorsReader.Read(new MemoryStream(file), "w.safetensors"));
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.StartsWith("w.safetensors, byte ", error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(100_000_001ul)]
    [InlineData(9ul)]
    public void A_header_length_beyond_the_limit_or_the_file_is_refused_before_memory_is_taken(ulong length)
    {
        var file = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        var error = Assert.Throws<SpikeformerException>(() => SafetensorsReader.Read(new MemoryStream(file), "w"));
        Assert.Contains($"w, byte 0: the header length is {length} bytes", error.Message);
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        byte[] file = Write([States.Tensor("a", TensorType.F32, [5]), States.Tensor("b", TensorType.U8, [3])]);
        for (int length = 0; length < file.Length; length++)
            Assert.Throws<SpikeformerException>(() => SafetensorsReader.Read(new MemoryStream(file, 0, length), "w"));
    }

    [Fact]
    public void A_state_that_could_not_be_read_back_is_not_written()
    {
        Assert.Throws<ArgumentException>(() => Write([]));
        Assert.Throws<ArgumentException>(() => Write([States.Tensor("a", TensorType.F32, [5]), States.Tensor("a", TensorType.F32, [5])]));
        Assert.Throws<ArgumentException>(() => Write([new("a", TensorType.F32, [5], new byte[19])]));
        Assert.Throws<ArgumentException>(() => Write([new("__metadata__", TensorType.U8, [0], Array.Empty<byte>())]));
        Assert.Throws<ArgumentException>(() => Write([new("../x", TensorType.U8, [0], Array.Empty<byte>())]));
    }

    private static byte[] Write(StateTensor[] tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors, metadata);
        return stream.ToArray();
    }

    private static SafetensorsContent RoundTrip(StateTensor[] tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        SafetensorsReader.Read(new MemoryStream(Write(tensors, metadata)), "w");
}
