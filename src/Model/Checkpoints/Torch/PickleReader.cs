using System.Buffers.Binary;
using System.Text;

namespace Spikeformer.Checkpoints.Torch;

/// <summary>A class or function of a Python module, named in a pickle.</summary>
/// <param name="Name">Module and name, such as <c>torch._utils._rebuild_tensor_v2</c>.</param>
internal sealed record PickleName(string Name);

/// <summary>An object that Python would create by a call. The call is recorded, not executed, together with later changes to the object.</summary>
/// <param name="Callee">The class or function to call.</param>
/// <param name="Arguments">The arguments of the call.</param>
internal sealed record PickleCall(PickleName Callee, object? Arguments)
{
    /// <summary>Entries that were set, for example in an <c>OrderedDict</c>.</summary>
    public Dictionary<object, object?> Items { get; } = [];
    /// <summary>Elements that were appended.</summary>
    public List<object?> Elements { get; } = [];
    /// <summary>The state for the object's attributes.</summary>
    public object? State { get; set; }
}

/// <summary>A reference to an object stored outside the pickle.</summary>
/// <param name="Id">The identifier of the object.</param>
internal sealed record PickleReference(object? Id);

/// <summary>Reads a Python pickle as data. A pickle is a program; this reader records its calls but never executes them, so it is safe for files from any
/// source. Existing libraries create the objects and refuse files with unknown classes, which checkpoints contain in numbers.</summary>
/// <remarks>Protocols 2 to 4, as PyTorch writes them. Values become null, bool, long, double, string, byte[], List of object (list), object[]
/// (tuple), Dictionary (dict), and the records above.</remarks>
internal sealed class PickleReader
{
    private const int MaxDepth = 1 << 20;
    private static readonly object s_mark = new();

    private readonly byte[] _bytes;
    private readonly string _file;
    private readonly List<object?> _stack = [];
    private readonly Dictionary<long, object?> _memo = [];
    private int _position;

    private PickleReader(byte[] bytes, string file) => (_bytes, _file) = (bytes, file);

    /// <summary>Reads a pickle.</summary>
    /// <param name="bytes">The whole pickle.</param>
    /// <param name="file">The name of the file, for errors.</param>
    /// <exception cref="SpikeformerException">The pickle is truncated, or has an operation that PyTorch does not write (CheckFailed, with the
    /// byte).</exception>
    public static object? Read(byte[] bytes, string file) => new PickleReader(bytes, file).Read();

    private object? Read()
    {
        while (true)
        {
            if (_stack.Count > MaxDepth) throw Bad("it is nested too deeply");
            byte code = Take(1)[0];
            switch ((char)code)
            {
                case '.': return Pop();
                case '(': Push(s_mark); break;
                case '0': Pop(); break;
                case '1': PopToMark(); break;
                case '2': Push(Top); break;
                case 'N': Push(null); break;
                case '\x88': Push(true); break;
                case '\x89': Push(false); break;
                case 'K': Push((long)Take(1)[0]); break;
                case 'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
                case 'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
                case '\x8a': Push(Long(Take(1)[0])); break;
                case '\x8b': Push(Long(Length4())); break;
                case 'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
                case 'X': Push(Text(Length4())); break;
                case '\x8c': Push(Text(Take(1)[0])); break;
                case '\x8d': Push(Text(Length8())); break;
                case 'U': Push(Encoding.Latin1.GetString(Take(Take(1)[0]))); break;
                case 'T': Push(Encoding.Latin1.GetString(Take(Length4()))); break;
                case 'C': Push(Take(Take(1)[0]).ToArray()); break;
                case 'B': Push(Take(Length4()).ToArray()); break;
                case '\x8e': Push(Take(Length8()).ToArray()); break;
                case ']' or '\x8f': Push(new List<object?>()); break;
                case '}': Push(new Dictionary<object, object?>()); break;
                case ')': Push(Array.Empty<object?>()); break;
                case 't': Push(PopToMark()); break;
                case '\x91': Push(PopToMark().ToList()); break;
                case '\x85': Push(PopMany(1)); break;
                case '\x86': Push(PopMany(2)); break;
                case '\x87': Push(PopMany(3)); break;
                case 'a': Append(PopMany(1)); break;
                case 'e' or '\x90': Append(PopToMark()); break;
                case 's': SetItems(PopMany(2)); break;
                case 'u': SetItems(PopToMark()); break;
                case 'c': Push(new PickleName($"{Line()}.{Line()}")); break;
                case '\x93': StackGlobal(PopMany(2)); break;
                case 'R' or '\x81': Call(PopMany(2)); break;
                case '\x92': Call(PopMany(3)); break;
                case 'b': Build(Pop()); break;
                case 'Q': Push(new PickleReference(Pop())); break;
                case 'q': _memo[Take(1)[0]] = Top; break;
                case 'r': _memo[Length4()] = Top; break;
                case '\x94': _memo[_memo.Count] = Top; break;
                case 'h': Push(Memo(Take(1)[0])); break;
                case 'j': Push(Memo(Length4())); break;
                case '\x80': if (Take(1)[0] is var protocol and (< 2 or > 4)) throw Bad($"its protocol is {protocol}, not 2 to 4"); break;
                case '\x95': Take(8); break; // a frame only gives the size of the next block
                default: throw Bad($"PyTorch does not write code 0x{code:x2}");
            }
        }
    }

    private object? Top => _stack.Count > 0 && _stack[^1] != s_mark ? _stack[^1] : throw Bad("it pops from an empty stack");

    private void Push(object? value) => _stack.Add(value);

    private object? Pop()
    {
        object? top = Top;
        _stack.RemoveAt(_stack.Count - 1);
        return top;
    }

    private object?[] PopMany(int count)
    {
        var values = new object?[count];
        for (int i = count - 1; i >= 0; i--) values[i] = Pop();
        return values;
    }

    private object?[] PopToMark()
    {
        int mark = _stack.LastIndexOf(s_mark);
        if (mark < 0) throw Bad("a mark is missing");
        object?[] values = [.. _stack.Skip(mark + 1)];
        _stack.RemoveRange(mark, _stack.Count - mark);
        return values;
    }

    private void Append(object?[] values)
    {
        switch (Top)
        {
            case List<object?> list: list.AddRange(values); break;
            case PickleCall call: call.Elements.AddRange(values); break;
            default: throw Bad("it appends to a value that is not a list");
        }
    }

    private void SetItems(object?[] pairs)
    {
        if (pairs.Length % 2 != 0) throw Bad("a key has no value");
        Dictionary<object, object?> items = Top switch
        {
            Dictionary<object, object?> dictionary => dictionary,
            PickleCall call => call.Items,
            _ => throw Bad("it sets an entry of a value that is not a dictionary"),
        };
        for (int i = 0; i < pairs.Length; i += 2) items[pairs[i] ?? throw Bad("a key is None")] = pairs[i + 1];
    }

    private void StackGlobal(object?[] names) => Push(names is [string module, string name] ? new PickleName($"{module}.{name}") : throw Bad("a name is not a text"));

    private void Call(object?[] parts) => Push(parts[0] is PickleName callee ? new PickleCall(callee, parts[1]) : throw Bad("it calls a value that is not a name"));

    private void Build(object? state)
    {
        if (Top is not PickleCall call) throw Bad("it sets the state of a value that is not an object");
        call.State = state;
    }

    private object? Memo(long index) => _memo.TryGetValue(index, out object? value) ? value : throw Bad($"it reads memo {index}, which was not stored");

    private long Long(int length)
    {
        if (length > sizeof(long)) throw Bad("a number has more than 64 bits");
        long value = length > 0 && (_position + length <= _bytes.Length) && (_bytes[_position + length - 1] & 0x80) != 0 ? -1 : 0;
        ReadOnlySpan<byte> bytes = Take(length);
        for (int i = length - 1; i >= 0; i--) value = (value << 8) | bytes[i];
        return value;
    }

    private string Text(int length)
    {
        try
        {
            return s_utf8.GetString(Take(length));
        }
        catch (DecoderFallbackException)
        {
            throw Bad("a text is not UTF-8");
        }
    }

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private string Line()
    {
        int end = Array.IndexOf(_bytes, (byte)'\n', _position);
        if (end < 0) throw Bad("a name does not end");
        string line = Encoding.Latin1.GetString(_bytes.AsSpan(_position, end - _position));
        _position = end + 1;
        return line;
    }

    private int Length4() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4)) is var length && length <= int.MaxValue ? (int)length : throw Bad("a length exceeds the file");

    private int Length8() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8)) is var length && length <= int.MaxValue ? (int)length : throw Bad("a length exceeds the file");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _position) throw Bad("it is truncated");
        ReadOnlySpan<byte> taken = _bytes.AsSpan(_position, count);
        _position += count;
        return taken;
    }

    private SpikeformerException Bad(string problem) =>
        new(ErrorKind.CheckFailed, $"Cannot read {_file} at byte {_position} of its pickle: {problem}", "Save it again with torch.save");
}
