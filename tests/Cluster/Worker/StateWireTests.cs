using System.Buffers.Binary;
using Spikeformer.Checkpoints;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Cluster;

/// <summary>A state that travels from one worker to another, whole and damaged.</summary>
public sealed class StateWireTests
{
    private const int Cases = 4000, HeadBytes = 17;
    private const long MaxAllocated = 1 << 20;

    private static readonly StateCopy s_state = new(new(7, 6, 42, "digest"), new([], 0.5, EpochSums.Zero, false), [new(7, 0, 1, double.NaN, 0.001, "digest")],
        [new("weight", TensorType.F32, [2, 3], Enumerable.Range(0, 24).Select(i => (byte)i).ToArray()), new("steps", TensorType.I64, [], new byte[8])]);

    private static readonly byte[] s_sent = Sent();

    [Fact]
    public void A_state_arrives_as_it_was_sent()
    {
        StateCopy state = Read(s_sent)!;
        Assert.Equal((s_state.Counters, s_state.Progress.Best, s_state.Progress.Sums), (state.Counters, state.Progress.Best, state.Progress.Sums));
        Assert.Equal(s_state.Recent, state.Recent);
        Assert.Equal(s_state.Tensors.Select(tensor => tensor.Data.ToArray()), state.Tensors.Select(tensor => tensor.Data.ToArray()));
    }

    [Fact]
    public void A_damaged_state_is_refused_and_takes_no_memory_for_what_it_claims()
    {
        var random = new Random(20261126);
        for (int i = 0; i < Cases; i++)
        {
            byte[] bytes = [.. s_sent];
            int kind = random.Next(5), place = random.Next(8 * bytes.Length);
            switch (kind)
            {
                case 0: bytes = bytes[..random.Next(bytes.Length)]; break;
                case 1: random.NextBytes(bytes.AsSpan(1)); break;
                // Lengths that are larger than all memory: of the whole, and of its header.
                case 2: BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1), random.NextInt64()); break;
                case 3: BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(HeadBytes), random.Next()); break;
                default: bytes[place / 8] ^= (byte)(1 << place % 8); break;
            }
            long before = GC.GetAllocatedBytesForCurrentThread();
            Exception? refusal = Record.Exception(() => Assert.Null(Read(bytes)));
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MaxAllocated, $"case {i}");
            // The answer's first byte may have become another answer, which says that there is no state.
            bool isOtherAnswer = bytes.Length >= HeadBytes && bytes[0] is (byte)StateWire.Answer.Gone or (byte)StateWire.Answer.Left;
            Assert.True(isOtherAnswer ? refusal is null : refusal is InvalidDataException or EndOfStreamException, $"case {i}, kind {kind}: {refusal}");
        }
    }

    [Fact]
    public void A_header_that_is_no_state_is_refused_even_with_the_right_hash()
    {
        foreach (string header in new[] { "null", "{}", "[1]", "{\"Counters\":{}", "{\"Counters\":null,\"Progress\":null,\"Recent\":null}" })
        {
            byte[] text = System.Text.Encoding.UTF8.GetBytes(header), body = new byte[sizeof(int) + text.Length + 32], head = new byte[HeadBytes];
            BinaryPrimitives.WriteInt32LittleEndian(body, text.Length);
            text.CopyTo(body, sizeof(int));
            head[0] = (byte)StateWire.Answer.Here;
            BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(1), body.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(9), System.IO.Hashing.XxHash3.HashToUInt64(body));
            Assert.Throws<InvalidDataException>(() => Read([.. head, .. body]));
        }
    }

    private static byte[] Sent()
    {
        using var stream = new MemoryStream();
        StateWire.Send(stream, s_state);
        return stream.ToArray();
    }

    private static StateCopy? Read(byte[] bytes)
    {
        using var stream = new MemoryStream(bytes);
        return StateWire.ReadState(stream, [.. s_state.Tensors.Select(tensor => tensor.Spec)]);
    }
}
