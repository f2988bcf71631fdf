using System.IO.Compression;
using System.Text;

namespace Spikeformer.Checkpoints.Torch;

/// <summary>The weights of a network in a file of <c>torch.save</c>.</summary>
/// <param name="Tensors">The state dictionary in its order, under the authors' names.</param>
/// <param name="Epoch">The last epoch, from 0; null if the file does not contain it.</param>
public sealed record TorchCheckpoint(IReadOnlyList<StateTensor> Tensors, long? Epoch);

/// <summary>Reads the weights from a <c>.pth</c> file of PyTorch 1.6 or later (a zip with a pickle and the values), such as the checkpoints of the authors'
/// scripts: a state dictionary, or a dictionary with a state dictionary under <c>model</c> or <c>state_dict</c>. No code in the file is executed; optimizer,
/// scheduler and arguments are ignored.</summary>
public static class TorchArchive
{
    private const string ParallelPrefix = "module.";

    /// <summary>Returns whether a file may be such a file: it is a zip.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="SpikeformerException">The file cannot be read.</exception>
    public static bool IsArchive(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            Span<byte> start = stackalloc byte[4];
            return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.SequenceEqual("PK\x03\x04"u8);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot read {path}");
        }
    }

    /// <summary>Reads the weights.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="SpikeformerException">The file does not exist, is damaged, has another format, or contains no weights (CheckFailed).</exception>
    public static TorchCheckpoint Read(string path)
    {
        try
        {
            using ZipArchive zip = ZipFile.OpenRead(path);
            ZipArchiveEntry pickle = zip.Entries.FirstOrDefault(entry => entry.FullName.EndsWith("/data.pkl", StringComparison.Ordinal) || entry.FullName == "data.pkl")
                ?? throw Bad(path, "data.pkl is missing");
            string folder = pickle.FullName[..^"data.pkl".Length];
            if (zip.GetEntry(folder + "byteorder") is { } order && Encoding.ASCII.GetString(Bytes(order)) != "little") throw Bad(path, "its numbers are big-endian");
            object? root = PickleReader.Read(Bytes(pickle), path);
            var storages = new Dictionary<string, byte[]>();
            (string Name, PickleCall Tensor)[] entries = StateDictionary(path, root);
            bool isParallel = entries.All(entry => entry.Name.StartsWith(ParallelPrefix, StringComparison.Ordinal));
            StateTensor[] tensors = [.. entries.Select(entry => Tensor(path, isParallel ? entry.Name[ParallelPrefix.Length..] : entry.Name, entry.Tensor, Storage))];
            return new(tensors, Items(root)?.GetValueOrDefault("epoch") as long?);

            byte[] Storage(string key)
            {
                if (storages.TryGetValue(key, out byte[]? known)) return known;
                return storages[key] = Bytes(zip.GetEntry($"{folder}data/{key}") ?? throw Bad(path, $"the values data/{key} are missing"));
            }
        }
        catch (InvalidDataException error)
        {
            throw Bad(path, error.Message.TrimEnd('.'));
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.Explain(error, $"Cannot read {path}");
        }
    }

    private static (string, PickleCall)[] StateDictionary(string path, object? root)
    {
        foreach (object? candidate in new[] { Items(root)?.GetValueOrDefault("model"), Items(root)?.GetValueOrDefault("state_dict"), root })
            if (Items(candidate) is { Count: > 0 } items && items.All(item => item.Key is string && IsTensor(item.Value)))
                return [.. items.Select(item => ((string)item.Key, (PickleCall)item.Value!))];
        throw Bad(path, "it is not a state dictionary and has none under 'model' or 'state_dict'");
    }

    private static Dictionary<object, object?>? Items(object? value) => value switch
    {
        Dictionary<object, object?> dictionary => dictionary,
        PickleCall { Callee.Name: "collections.OrderedDict" } ordered => ordered.Items,
        _ => null,
    };

    private static bool IsTensor(object? value) => value is PickleCall { Callee.Name: "torch._utils._rebuild_tensor_v2" or "torch._utils._rebuild_parameter" };

    private static StateTensor Tensor(string path, string name, PickleCall call, Func<string, byte[]> storageOf)
    {
        if (call is { Callee.Name: "torch._utils._rebuild_parameter", Arguments: object?[] and [PickleCall inner, ..] }) call = inner;
        if (call.Arguments is not (object?[] and [PickleReference { Id: object?[] and ["storage", PickleName kind, string key, ..] }, long offset, object?[] sizes, object?[] strides, ..])
            || sizes.Length != strides.Length || sizes.Any(size => size is not long and >= 0) || strides.Any(stride => stride is not long))
            throw Bad(path, $"tensor '{name}' is stored in an unknown way");
        TensorType type = kind.Name switch
        {
            "torch.FloatStorage" => TensorType.F32,
            "torch.DoubleStorage" => TensorType.F64,
            "torch.HalfStorage" => TensorType.F16,
            "torch.BFloat16Storage" => TensorType.BF16,
            "torch.LongStorage" => TensorType.I64,
            "torch.IntStorage" => TensorType.I32,
            "torch.ShortStorage" => TensorType.I16,
            "torch.CharStorage" => TensorType.I8,
            "torch.ByteStorage" => TensorType.U8,
            "torch.BoolStorage" => TensorType.Bool,
            _ => throw Bad(path, $"tensor '{name}' has the unknown type {kind.Name}"),
        };
        long[] shape = [.. sizes.Cast<long>()];
        byte[]? values = Gather(storageOf(key), type.Size(), offset, shape, [.. strides.Cast<long>()]);
        return values is null ? throw Bad(path, $"tensor '{name}' exceeds its stored values") : new(name, type, shape, values);
    }

    /// <summary>Returns the values in C order; null if they lie outside the storage.</summary>
    private static byte[]? Gather(byte[] storage, int size, long offset, long[] shape, long[] strides)
    {
        long count = 1, first = offset, last = offset;
        for (int axis = 0; axis < shape.Length; axis++)
        {
            if (shape[axis] < 0 || shape[axis] > storage.Length || (count *= shape[axis]) > storage.Length) return null;
            long reach = (shape[axis] - 1) * strides[axis];
            if (reach < 0) first += reach;
            else last += reach;
        }
        if (count == 0) return [];
        if (first < 0 || last < 0 || (last + 1) * size > storage.Length) return null;
        var values = new byte[count * size];
        var index = new long[shape.Length];
        for (long i = 0, at = offset; i < count; i++)
        {
            storage.AsSpan((int)(at * size), size).CopyTo(values.AsSpan((int)(i * size)));
            for (int axis = shape.Length - 1; axis >= 0; axis--)
            {
                at += strides[axis];
                if (++index[axis] < shape[axis]) break;
                at -= strides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        return values;
    }

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        if (entry.Length > int.MaxValue) throw new InvalidDataException($"{entry.FullName} has {entry.Length} bytes, but at most {int.MaxValue} can be read");
        var bytes = new byte[entry.Length];
        using Stream stream = entry.Open();
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static SpikeformerException Bad(string path, string problem) =>
        new(ErrorKind.CheckFailed, $"{path} is not a readable PyTorch checkpoint: {problem}", "Use a file written by torch.save of PyTorch 1.6 or later");
}
