using System.Buffers.Binary;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker.Transfer;
using Xunit;
using Answer = Spikeformer.Silo.Worker.Transfer.StateWire.Answer;

namespace Spikeformer.Cluster.Worker.Transfer;

/// <summary>Messages between members and borrowers, sound and damaged.</summary>
public sealed class StateWireTests
{
    private const int Cases = 4000;
    private const long MaxAllocated = 1 << 20;

    private static readonly SliceTable s_table = new(new(7, 6, 42, "digest"), new([], 0.5, EpochSums.Zero, false), [new(7, 0, 1, double.NaN, 0.001, "digest")],
        [UInt128.MaxValue, 0, 5]);

    private static readonly byte[] s_sent = Sent(stream => StateWire.Send(stream, s_table));

    [Fact]
    public void A_table_arrives_as_it_was_sent()
    {
        SliceTable table = StateWire.ReadTable(new MemoryStream(s_sent))!;
        Assert.Equal((s_table.Counters, s_table.Progress.Best, s_table.Progress.Sums), (table.Counters, table.Progress.Best, table.Progress.Sums));
        Assert.Equal(s_table.Recent, table.Recent);
        Assert.Equal(s_table.Hashes, table.Hashes);
    }

    [Fact]
    public void A_request_arrives_as_it_was_sent()
    {
        var request = new StateWire.Request(StateWire.Kind.Reduced, -3, StateWire.Digest("0123456789abcdef0123456789abcdef"));
        byte[] sent = Sent(stream => StateWire.Ask(stream, request));
        Assert.Equal(request, StateWire.ReadRequest(new MemoryStream(sent)));
        Assert.Null(StateWire.ReadRequest(new MemoryStream(sent[..^1])));
    }

    [Theory]
    [InlineData(12L)]
    [InlineData(null)]
    public void A_position_arrives_as_it_was_sent_after_any_waiting(long? lent)
    {
        byte[] sent = Sent(stream =>
        {
            StateWire.Send(stream, Answer.Aligning);
            StateWire.Send(stream, Answer.Waiting);
            StateWire.Send(stream, new Position(10, lent));
        });
        Assert.Equal(new Position(10, lent), StateWire.ReadPosition(new MemoryStream(sent)));
    }

    [Fact]
    public void A_slice_arrives_as_it_was_sent_and_a_wrong_length_is_refused()
    {
        byte[] sent = Sent(stream => StateWire.Send(stream, 5, [new byte[] { 1, 2 }, new byte[] { 3 }]));
        Assert.Equal([1, 2, 3], StateWire.ReadSlice(new MemoryStream(sent), 3));
        Assert.Throws<InvalidDataException>(() => StateWire.ReadSlice(new MemoryStream(sent), 4));
        Assert.Null(StateWire.ReadSlice(new MemoryStream(Sent(stream => StateWire.Send(stream, Answer.Gone))), 3));
    }

    [Fact]
    public void An_evaluation_arrives_as_it_was_sent()
    {
        var epoch = new EpochSummary(3, new(5, 40, 1.5, 0.25, 20, 30, 0.001, 2.5), new(10, 7, 9, 3.5, 1.25), 0.5, 120, 64);
        byte[] sent = Sent(stream => StateWire.Send(stream, new ProgressState([epoch], 0.75, EpochSums.Zero, NewBest: true)));
        Assert.Equal(Answer.Here, StateWire.Read(new MemoryStream(sent), out ProgressState? progress));
        Assert.Equal((epoch, 0.75, EpochSums.Zero, true), (progress!.History.Single(), progress.Best, progress.Sums, progress.NewBest));
        Assert.Equal(Answer.Waiting, StateWire.Read(new MemoryStream(Sent(stream => StateWire.Send(stream, Answer.Waiting))), out progress));
        Assert.Null(progress);
        foreach (string text in (string[])["null", "{}", "[1]", ""])
            Assert.Throws<InvalidDataException>(() => StateWire.Read(new MemoryStream(Sent(stream => StateWire.Send(stream, System.Text.Encoding.UTF8.GetBytes(text)))), out ProgressState? _));
    }

    [Fact]
    public void A_damaged_table_is_refused_and_takes_no_memory_for_its_claimed_length()
    {
        var random = new Random(20261126);
        for (int i = 0; i < Cases; i++)
        {
            byte[] bytes = [.. s_sent];
            int place = random.Next(8, 8 * bytes.Length);
            switch (random.Next(4))
            {
                case 0: bytes = bytes[..random.Next(bytes.Length)]; break;
                case 1: random.NextBytes(bytes.AsSpan(1)); break;
                // Lengths up to more than all memory.
                case 2: BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(1), random.NextInt64() >> random.Next(64)); break;
                default: bytes[place / 8] ^= (byte)(1 << place % 8); break;
            }
            if (bytes.AsSpan().SequenceEqual(s_sent)) continue;
            long before = GC.GetAllocatedBytesForCurrentThread();
            Exception? refusal = Record.Exception(() => StateWire.ReadTable(new MemoryStream(bytes)));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxAllocated);
            Assert.True(refusal is InvalidDataException or EndOfStreamException, $"case {i}: {refusal}");
        }
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("{\"Counters\":{}}")]
    [InlineData("{\"Counters\":null,\"Progress\":null,\"Recent\":null}")]
    [InlineData("")]
    public void An_invalid_head_is_refused_even_with_the_right_hash(string text)
    {
        byte[] head = System.Text.Encoding.UTF8.GetBytes(text), body = new byte[sizeof(int) + head.Length + 16];
        BinaryPrimitives.WriteInt32LittleEndian(body, head.Length);
        head.CopyTo(body, sizeof(int));
        Assert.Throws<InvalidDataException>(() => StateWire.ReadTable(new MemoryStream(Sent(stream => StateWire.Send(stream, body.AsMemory())))));
    }

    [Fact]
    public void A_table_with_inconsistent_lengths_is_refused_even_with_the_right_hash()
    {
        foreach (int length in (int[])[-1, 5, 17, int.MaxValue, int.MinValue])
        {
            var body = new byte[20];
            BinaryPrimitives.WriteInt32LittleEndian(body, length);
            Assert.Throws<InvalidDataException>(() => StateWire.ReadTable(new MemoryStream(Sent(stream => StateWire.Send(stream, body.AsMemory())))));
        }
    }

    private static byte[] Sent(Action<Stream> send)
    {
        using var stream = new MemoryStream();
        send(stream);
        return stream.ToArray();
    }
}
