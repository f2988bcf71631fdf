using System.Buffers.Binary;
using System.Numerics;

namespace Spikeformer.Runs.TensorBoard;

/// <summary>The frames of TensorFlow record files: the length in 8 bytes, the masked CRC-32C of the length in 4 bytes, the record, the masked CRC-32C of the
/// record in 4 bytes. All numbers are little-endian.</summary>
internal static class EventRecords
{
    private const int HeadBytes = sizeof(ulong) + sizeof(uint), FootBytes = sizeof(uint), MaxRecordBytes = 1 << 20;

    /// <summary>Returns a record in its frame.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> record)
    {
        var frame = new byte[HeadBytes + record.Length + FootBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(frame, (ulong)record.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(sizeof(ulong)), MaskedCrc(frame.AsSpan(0, sizeof(ulong))));
        record.CopyTo(frame.AsSpan(HeadBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(frame.AsSpan(HeadBytes + record.Length), MaskedCrc(record));
        return frame;
    }

    /// <summary>Returns the records of a file up to the first one that is torn or damaged, where TensorBoard's reader stops as well.</summary>
    public static IReadOnlyList<ReadOnlyMemory<byte>> Read(ReadOnlyMemory<byte> file)
    {
        var records = new List<ReadOnlyMemory<byte>>();
        while (file.Length >= HeadBytes + FootBytes)
        {
            ReadOnlySpan<byte> bytes = file.Span;
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[sizeof(ulong)..]) != MaskedCrc(bytes[..sizeof(ulong)]) || length > MaxRecordBytes) break;
            int end = HeadBytes + (int)length;
            if (file.Length < end + FootBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes[end..]) != MaskedCrc(bytes[HeadBytes..end])) break;
            records.Add(file[HeadBytes..end]);
            file = file[(end + FootBytes)..];
        }
        return records;
    }

    /// <summary>Returns the CRC-32C, rotated and offset, as the format requires for data that contain checksums.</summary>
    private static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte one in bytes) crc = BitOperations.Crc32C(crc, one);
        return unchecked(BitOperations.RotateRight(~crc, 15) + 0xa282ead8u);
    }
}
