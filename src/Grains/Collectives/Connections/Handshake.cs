using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Spikeformer.Collectives.Connections;

/// <summary>The first message of a connecting process: its generation, the sender, the receiver and the purpose. 32 random bytes follow.</summary>
internal readonly record struct Hello(
    ConnectionPurpose Purpose, ulong RunHash, long GenerationNumber, Guid GenerationNonce, int From, int To, ulong FromIncarnation, ulong ToIncarnation);

/// <summary>A listener's answer to a hello or a proof.</summary>
internal enum Answer : byte
{
    /// <summary>Accepted so far.</summary>
    Welcome = 1,
    /// <summary>The generation is not open (yet): try again.</summary>
    NotOpen,
    /// <summary>Refused for good.</summary>
    Refused,
}

/// <summary>
/// The mutual proof at the start of a connection. The connector sends a hello. The listener sends an answer, random bytes and its proof. The
/// connector sends its proof, and the listener the final answer. A proof is an HMAC-SHA256 with the generation's secret over the direction, the
/// hello and both sides' random bytes.
/// </summary>
internal static class Handshake
{
    public const int HelloBytes = 96, ProofBytes = 32, ChallengeBytes = 1 + 32 + ProofBytes;

    private const uint Mark = 0x484B5053; // "SPKH"
    private const ushort Version = 1;

    /// <summary>How long a listener waits for a proof, and a connector for an answer.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static byte[] Write(Hello hello)
    {
        byte[] bytes = new byte[HelloBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Mark);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), Version);
        bytes[6] = (byte)hello.Purpose;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), hello.RunHash);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), hello.GenerationNumber);
        hello.GenerationNonce.TryWriteBytes(bytes.AsSpan(24));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(40), hello.From);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(44), hello.To);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(48), hello.FromIncarnation);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(56), hello.ToIncarnation);
        RandomNumberGenerator.Fill(bytes.AsSpan(64));
        return bytes;
    }

    /// <summary>Reads a hello; returns null if it is not of this protocol.</summary>
    public static Hello? Read(ReadOnlySpan<byte> bytes) =>
        BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Mark || BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]) != Version ? null : new(
            (ConnectionPurpose)bytes[6], BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            new Guid(bytes.Slice(24, 16)), BinaryPrimitives.ReadInt32LittleEndian(bytes[40..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[44..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]));

    /// <summary>The listener's proof that it knows the secret.</summary>
    public static byte[] ListenerProof(ReadOnlyMemory<byte> secret, ReadOnlySpan<byte> hello, ReadOnlySpan<byte> random) => Proof(secret, 'L', hello, random);

    /// <summary>The connector's proof that it knows the secret.</summary>
    public static byte[] ConnectorProof(ReadOnlyMemory<byte> secret, ReadOnlySpan<byte> hello, ReadOnlySpan<byte> random) => Proof(secret, 'C', hello, random);

    private static byte[] Proof(ReadOnlyMemory<byte> secret, char direction, ReadOnlySpan<byte> hello, ReadOnlySpan<byte> random) =>
        HMACSHA256.HashData(secret.Span, [(byte)direction, .. hello, .. random]);
}
