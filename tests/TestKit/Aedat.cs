using System.Buffers.Binary;
using System.Text;

namespace Spikeformer.TestKit;

/// <summary>One event of an artificial recording.</summary>
public readonly record struct MadeEvent(long Time, int X, int Y, int Polarity, bool Valid = true);

/// <summary>Writes AEDAT files from events.</summary>
public static class Aedat
{
    public const string Header31 = "#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n";
    public const string Header20 = "#!AER-DAT2.0\r\n# This is a raw AE data file\r\n";

    public static byte[] File31(params byte[][] packets) => [.. Encoding.ASCII.GetBytes(Header31), .. packets.SelectMany(packet => packet)];

    /// <summary>Writes a polarity packet with room for more events.</summary>
    public static byte[] Packet31(IReadOnlyList<MadeEvent> events, int spare = 0, int overflow = 0)
    {
        var body = new byte[8 * (events.Count + spare)];
        // The spare room looks like events, but readers must ignore it.
        body.AsSpan(8 * events.Count).Fill(0x0F);
        for (int i = 0; i < events.Count; i++)
        {
            MadeEvent e = events[i];
            uint data = (uint)(e.X << 17 | e.Y << 2 | e.Polarity << 1 | (e.Valid ? 1 : 0));
            BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(8 * i), data);
            BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(8 * i + 4), (uint)e.Time);
        }
        return Packet31(1, 8, 4, overflow, events.Count + spare, events.Count, events.Count(e => e.Valid), body);
    }

    public static byte[] Packet31(int type, int size, int timeOffset, int overflow, int capacity, int number, int valid, byte[] body)
    {
        var packet = new byte[28 + body.Length];
        BinaryPrimitives.WriteInt16LittleEndian(packet, (short)type);
        BinaryPrimitives.WriteInt16LittleEndian(packet.AsSpan(2), 1);
        int[] fields = [size, timeOffset, overflow, capacity, number, valid];
        for (int i = 0; i < fields.Length; i++) BinaryPrimitives.WriteInt32LittleEndian(packet.AsSpan(4 + 4 * i), fields[i]);
        body.CopyTo(packet, 28);
        return packet;
    }

    public static byte[] File20(params (uint Address, uint Time)[] words) => [.. Encoding.ASCII.GetBytes(Header20), .. Words20(words)];

    public static byte[] Words20(params (uint Address, uint Time)[] words)
    {
        var bytes = new byte[8 * words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8 * i), words[i].Address);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8 * i + 4), words[i].Time);
        }
        return bytes;
    }

    /// <summary>Returns the address of a DVS128 event.</summary>
    public static uint Address(int low, int high, int polarity) => (uint)(high << 8 | low << 1 | polarity);
}
