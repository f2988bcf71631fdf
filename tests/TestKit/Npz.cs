using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;

namespace Spikeformer.TestKit;

/// <summary>Writes files in NumPy's formats.</summary>
public static class Npz
{
    /// <summary>Returns a <c>.npy</c> array.</summary>
    /// <param name="type">NumPy's name of the type, such as <c>&lt;i8</c>.</param>
    /// <param name="shape">Lengths of the axes.</param>
    /// <param name="data">The values.</param>
    /// <param name="fortran">Whether the values are in Fortran order.</param>
    /// <param name="version">1 or 2.</param>
    public static byte[] Array(string type, int[] shape, byte[] data, bool fortran = false, int version = 1)
    {
        string sizes = shape.Length == 1 ? $"{shape[0]}," : string.Join(", ", shape);
        string text = $"{{'descr': '{type}', 'fortran_order': {(fortran ? "True" : "False")}, 'shape': ({sizes}), }}";
        int lengthBytes = version == 1 ? 2 : 4, unpadded = 8 + lengthBytes + text.Length + 1;
        text += new string(' ', (64 - unpadded % 64) % 64) + "\n";
        byte[] length = BitConverter.GetBytes(text.Length)[..lengthBytes];
        return [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. Encoding.ASCII.GetBytes(text), .. data];
    }

    /// <summary>Returns an array of 64-bit integers with one axis.</summary>
    public static byte[] Integers(params long[] values) => Array("<i8", [values.Length], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    /// <summary>Returns a <c>.npz</c> file.</summary>
    /// <param name="deflated">Whether to compress like <c>savez_compressed</c>.</param>
    /// <param name="members">The names without <c>.npy</c>, and the arrays.</param>
    public static byte[] File(bool deflated, params (string Name, byte[] Array)[] members)
    {
        using var memory = new MemoryStream();
        using (var zip = new ZipArchive(memory, ZipArchiveMode.Create, leaveOpen: true))
            foreach ((string name, byte[] array) in members)
            {
                using Stream member = zip.CreateEntry($"{name}.npy", deflated ? CompressionLevel.Fastest : CompressionLevel.NoCompression).Open();
                member.Write(array);
            }
        return memory.ToArray();
    }

    /// <summary>Returns an event file in SpikingJelly's format.</summary>
    public static byte[] Events(IEnumerable<MadeEvent> events)
    {
        MadeEvent[] all = [.. events];
        return File(false, ("t", Integers([.. all.Select(e => e.Time)])), ("x", Integers([.. all.Select(e => (long)e.X)])),
            ("y", Integers([.. all.Select(e => (long)e.Y)])), ("p", Integers([.. all.Select(e => (long)e.Polarity)])));
    }
}
