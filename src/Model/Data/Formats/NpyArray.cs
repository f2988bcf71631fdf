using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Spikeformer.Data.Formats;

/// <summary>An array in NumPy's <c>.npy</c> format, versions 1 to 3: booleans, integers of 1 to 8 bytes and floats of 2 to 8 bytes, in
/// either byte order, in C or Fortran order. Arrays of objects are rejected because reading them would run code.</summary>
internal sealed partial class NpyArray
{
    private const int MaxHeaderBytes = 1 << 16, MaxDimensions = 32, FirstDataBytes = 1 << 20;
    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    private readonly byte[] _data;
    private readonly char _kind;
    private readonly int _size;
    private readonly bool _bigEnd, _fortran;

    private NpyArray(int[] shape, char kind, int size, bool bigEnd, bool fortran, byte[] data) =>
        (Shape, _kind, _size, _bigEnd, _fortran, _data) = (shape, kind, size, bigEnd, fortran, data);

    /// <summary>Lengths of the axes.</summary>
    public int[] Shape { get; }

    /// <summary>Number of values.</summary>
    public int Count => _data.Length / _size;

    /// <summary>Reads an array.</summary>
    /// <param name="stream">A <c>.npy</c> file or archive member.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <param name="maxCount">Maximum number of values.</param>
    /// <exception cref="SpikeformerException">The stream is not such an array, is too large, or ends early.</exception>
    public static NpyArray Read(Stream stream, string name, int maxCount)
    {
        Span<byte> start = stackalloc byte[12];
        Fill(stream, start[..8], name, 0);
        if (!start.StartsWith(Magic) || start[6] is < 1 or > 3)
            throw Damaged(name, "byte 0: not a NumPy array of version 1 to 3");
        int lengthBytes = start[6] == 1 ? 2 : 4;
        Fill(stream, start.Slice(8, lengthBytes), name, 8);
        uint length = lengthBytes == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        if (length > MaxHeaderBytes) throw Damaged(name, $"byte 8: a header of {length:N0} bytes is too long");
        byte[] text = new byte[length];
        Fill(stream, text, name, 8 + lengthBytes);
        string header = Encoding.Latin1.GetString(text);

        Match type = Type().Match(header), order = Order().Match(header), shape = Sizes().Match(header);
        if (!order.Success || !shape.Success || !header.Contains("'descr'", StringComparison.Ordinal))
            throw Damaged(name, $"the header '{Shown(header)}' does not describe an array");
        if (!type.Success)
            throw Damaged(name, $"the header '{Shown(header)}' has an unsupported type (supported: booleans, integers, floats)");
        (char kind, int size) = (type.Groups[2].Value[0], type.Groups[3].Value[0] - '0');
        if (kind == 'b' && size != 1 || kind == 'f' && size == 1)
            throw Damaged(name, $"type {type.Groups[2].Value}{size} is not supported");
        int[] sizes = ShapeOf(shape.Groups[1].Value, name, maxCount);
        byte[] data = ReadData(stream, sizes.Aggregate(size, (product, axis) => product * axis), name, 8 + lengthBytes + length);
        return new(sizes, kind, size, type.Groups[1].Value == ">", order.Groups[1].Value == "True", data);
    }

    /// <summary>Copies the values of an array with one axis as integers.</summary>
    /// <param name="name">Name of the array, for messages.</param>
    /// <param name="values">Receives the values.</param>
    /// <exception cref="SpikeformerException">A value is not a 64-bit integer.</exception>
    public void CopyTo(string name, Span<long> values)
    {
        for (int i = 0; i < values.Length; i++)
            if (_kind == 'f')
            {
                double value = Float(i);
                if (value != Math.Floor(value) || Math.Abs(value) > 1L << 53) throw Damaged(name, $"value {i}: {value} is not a whole number");
                values[i] = (long)value;
            }
            else
            {
                ulong bits = Bits(i);
                if (_kind == 'u' && bits > long.MaxValue) throw Damaged(name, $"value {i}: {bits} is too large");
                values[i] = Signed(bits);
            }
    }

    /// <summary>Copies the values as float32 in C order, whatever their order in the file.</summary>
    /// <param name="name">Name of the array, for messages.</param>
    /// <param name="values">Receives the values.</param>
    /// <exception cref="SpikeformerException">A value is not finite, or float32 cannot represent it exactly.</exception>
    public void CopyTo(string name, Span<float> values)
    {
        Span<int> index = stackalloc int[Shape.Length];
        index.Clear();
        for (int i = 0; i < values.Length; i++)
        {
            int at = i;
            if (_fortran)
            {
                at = 0;
                for (int axis = Shape.Length - 1; axis >= 0; axis--) at = at * Shape[axis] + index[axis];
                for (int axis = Shape.Length - 1; axis >= 0 && ++index[axis] == Shape[axis]; axis--) index[axis] = 0;
            }
            double value = _kind == 'f' ? Float(at) : _kind == 'i' ? Signed(Bits(at)) : Bits(at);
            values[i] = (float)value;
            if (values[i] != value || !double.IsFinite(value)) throw Damaged(name, $"value {i}: float32 cannot represent {value} exactly");
        }
    }

    private ulong Bits(int i)
    {
        ReadOnlySpan<byte> value = _data.AsSpan(i * _size, _size);
        ulong bits = 0;
        for (int b = 0; b < _size; b++) bits |= (ulong)value[_bigEnd ? _size - 1 - b : b] << (8 * b);
        return bits;
    }

    private long Signed(ulong bits) => _kind == 'i' ? (long)bits << (64 - 8 * _size) >> (64 - 8 * _size) : (long)bits;

    private double Float(int i) => _size switch
    {
        2 => (double)BitConverter.UInt16BitsToHalf((ushort)Bits(i)),
        4 => BitConverter.UInt32BitsToSingle((uint)Bits(i)),
        _ => BitConverter.UInt64BitsToDouble(Bits(i)),
    };

    private static int[] ShapeOf(string text, string name, int maxCount)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length > MaxDimensions) throw Damaged(name, $"{parts.Length} axes are too many (limit {MaxDimensions})");
        var sizes = new int[parts.Length];
        long count = 1;
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out sizes[i]) || (count *= sizes[i]) > maxCount)
                throw Damaged(name, $"an array of ({Shown(text)}) values is too large (limit {maxCount:N0})");
        }
        return sizes;
    }

    /// <summary>Grows the buffer as bytes arrive, so that a damaged header cannot allocate too much memory.</summary>
    private static byte[] ReadData(Stream stream, int length, string name, long at)
    {
        var data = new byte[Math.Min(length, FirstDataBytes)];
        for (int read = 0; read < length;)
        {
            if (read == data.Length) Array.Resize(ref data, (int)Math.Min(length, 2L * read));
            Fill(stream, data.AsSpan(read), name, at + read);
            read = data.Length;
        }
        return data;
    }

    private static void Fill(Stream stream, Span<byte> buffer, string name, long at)
    {
        int got = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (got < buffer.Length) throw Damaged(name, $"ends early at byte {at + got}: {buffer.Length - got:N0} bytes are missing");
    }

    private static string Shown(string text)
    {
        string printable = string.Concat(text.Trim().Select(c => c is >= ' ' and <= '~' ? c : '?'));
        return printable.Length <= 80 ? printable : printable[..80] + "..";
    }

    private static SpikeformerException Damaged(string name, string why) =>
        new(ErrorKind.CheckFailed, $"{name}: {why}", "Write the file again with numpy.savez, or remove it");

    [GeneratedRegex(@"'descr'\s*:\s*'([<>|=])([biuf])([1248])'")]
    private static partial Regex Type();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)")]
    private static partial Regex Order();

    [GeneratedRegex(@"'shape'\s*:\s*\(([0-9, ]*)\)")]
    private static partial Regex Sizes();
}
