using System.IO.Compression;
using System.Text;
using Spikeformer.Checkpoints;

namespace Spikeformer.TestKit;

/// <summary>Writes tensors in the format of torch.save: a zip archive with a pickle of protocol 2 and a file of values for each tensor.</summary>
public static class TorchFile
{
    /// <summary>Writes a dictionary with the tensors under <c>model</c>, and an epoch.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors.</param>
    public static void Write(string path, IReadOnlyList<StateTensor> tensors)
    {
        var pickle = new MemoryStream();
        void Bytes(params ReadOnlySpan<byte> bytes) => pickle.Write(bytes);
        void Ascii(string text) => Bytes(Encoding.ASCII.GetBytes(text));
        void Text(string text)
        {
            Bytes((byte)'X');
            Bytes(BitConverter.GetBytes(Encoding.UTF8.GetByteCount(text)));
            Bytes(Encoding.UTF8.GetBytes(text));
        }
        void Number(long number)
        {
            Bytes((byte)'J');
            Bytes(BitConverter.GetBytes(checked((int)number)));
        }
        void Tuple(IEnumerable<long> numbers)
        {
            Ascii("(");
            foreach (long number in numbers) Number(number);
            Ascii("t");
        }

        Bytes(0x80, 2);
        Ascii("}(");
        Text("model");
        Ascii("ccollections\nOrderedDict\n)R(");
        foreach ((int i, StateTensor tensor) in tensors.Index())
        {
            Text(tensor.Name);
            Ascii("ctorch._utils\n_rebuild_tensor_v2\n((");
            Text("storage");
            Ascii($"ctorch\n{Storage(tensor.Type)}\n");
            Text($"{i}");
            Text("cpu");
            long count = tensor.Shape.Aggregate(1L, (product, size) => product * size);
            Number(count);
            Ascii("tQ");
            Number(0);
            Tuple(tensor.Shape);
            Tuple(tensor.Shape.Select((_, axis) => tensor.Shape.Skip(axis + 1).Aggregate(1L, (product, size) => product * size)));
            Bytes(0x89);
            Ascii("ccollections\nOrderedDict\n)RtR");
        }
        Ascii("u");
        Text("epoch");
        Number(7);
        Ascii("u.");

        using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Create);
        Entry(zip, "archive/data.pkl", pickle.ToArray());
        foreach ((int i, StateTensor tensor) in tensors.Index()) Entry(zip, $"archive/data/{i}", tensor.Data.Span);
    }

    private static void Entry(ZipArchive zip, string name, ReadOnlySpan<byte> bytes)
    {
        using Stream stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
        stream.Write(bytes);
    }

    private static string Storage(TensorType type) => type switch
    {
        TensorType.F32 => "FloatStorage",
        TensorType.I64 => "LongStorage",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Networks have no tensors of this type."),
    };
}
