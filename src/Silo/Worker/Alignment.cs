using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Collectives;
using Spikeformer.Contracts;
using Spikeformer.Runs;
using Spikeformer.Training;

namespace Spikeformer.Silo.Worker;

/// <summary>
/// The first thing that a generation does: every member says how far it is, and those behind take over the state of the furthest. Afterwards
/// all hold the same bits. This is how a run starts, resumes, takes newcomers in and goes on after a loss: one way for all.
/// </summary>
internal static class Alignment
{
    private const int StatePart = int.MaxValue, BarrierPart = int.MaxValue - 1, DigestChars = 32, ProgressBytes = 1024;
    private const int PayloadBytes = sizeof(long) + DigestChars + 1 + ProgressBytes;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly JsonSerializerOptions s_json = new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly record struct Standing(int Rank, long Step, string Digest, bool HasForgotten, ProgressState Progress);

    /// <summary>Brings all members to one state.</summary>
    /// <param name="group">The generation's group.</param>
    /// <param name="run">The run.</param>
    /// <param name="store">Where others copy this member's state from.</param>
    /// <param name="cancellation">Seals the group.</param>
    /// <returns>False when others have forgotten their state because it was wrong, and this member's is as old: it must be forgotten too.</returns>
    /// <exception cref="PeerLostException">A member was lost meanwhile.</exception>
    /// <exception cref="SpikeformerException">Two members hold different bits of one step.</exception>
    public static bool TryAlign(Group group, PreparedRun run, TransferStore store, CancellationToken cancellation)
    {
        Standing[] all = Exchange(group, run, StatePart, cancellation);
        if (all.Any(one => one.HasForgotten) && !run.HasForgotten && run.State.Step > 0) return false;
        Standing furthest = all.OrderByDescending(one => (one.Step, one.Progress.Epochs)).ThenBy(one => one.Rank).First();
        bool othersCopy = all.Any(one => one.Step < furthest.Step);
        if (furthest.Rank == group.Plan.OwnRank)
        {
            if (othersCopy) store.Lend(run.Copy());
        }
        else if (run.State.Step < furthest.Step) Copy(group, run, furthest, cancellation);
        else run.Progress.State = furthest.Progress;

        // Nobody goes on before everybody is there, and all hold the same.
        foreach (Standing one in Exchange(group, run, BarrierPart, cancellation))
            if (one.Step != run.State.Step || one.Digest != run.State.Digest)
                throw new SpikeformerException(ErrorKind.Failed,
                    $"{group.Plan.Name(one.Rank)} holds step {one.Step} with digest {one.Digest}, this worker step {run.State.Step} with {run.State.Digest}",
                    "Stop the run and resume it from its last verified checkpoint");
        store.Forget();
        run.HasForgotten = false;
        return true;
    }

    private static void Copy(Group group, PreparedRun run, Standing from, CancellationToken cancellation)
    {
        try
        {
            using Socket socket = GroupDialer.Connect(group.Plan, from.Rank, ConnectionPurpose.Transfer, Patience, cancellation);
            using CancellationTokenRegistration closing = cancellation.Register(socket.Dispose);
            using var stream = new NetworkStream(socket);
            StateWire.Ask(stream, StateWire.Request.State, from.Step);
            StateCopy copy = StateWire.ReadState(stream, [.. run.State.Snapshot().Select(tensor => tensor.Spec)]) ?? throw new IOException("it has left");
            run.Take(copy, group.Plan.Name(from.Rank));
        }
        catch (Exception error) when (error is IOException or InvalidDataException or SocketException or ObjectDisposedException)
        {
            group.Abort($"The state of {group.Plan.Name(from.Rank)} did not arrive: {error.Message}", from.Rank);
            throw group.Loss!;
        }
    }

    private static Standing[] Exchange(Group group, PreparedRun run, int part, CancellationToken cancellation)
    {
        var own = new byte[PayloadBytes];
        BinaryPrimitives.WriteInt64LittleEndian(own, run.State.Step);
        System.Text.Encoding.ASCII.GetBytes(run.State.Digest, own.AsSpan(sizeof(long)));
        own[sizeof(long) + DigestChars] = run.HasForgotten ? (byte)1 : (byte)0;
        JsonSerializer.SerializeToUtf8Bytes(run.Progress.State, s_json).CopyTo(own, sizeof(long) + DigestChars + 1);
        byte[] message = [.. Enumerable.Repeat(own, group.OwnNodes.Count).SelectMany(bytes => bytes)];
        // The step is what is being found out, so these exchanges carry none.
        NodePayloads all = group.ExchangeNodes(0, part, PayloadBytes, message, cancellation);
        var standings = new Dictionary<int, Standing>();
        for (int i = 0; i < all.Count; i++)
        {
            ReadOnlySpan<byte> bytes = all[i];
            int shard = all.Node(i).First, rank = 0;
            while (shard >= group.Plan.Members[rank].EndShard) rank++;
            ReadOnlySpan<byte> progress = bytes[(sizeof(long) + DigestChars + 1)..].TrimEnd((byte)0);
            standings[rank] = new(rank, BinaryPrimitives.ReadInt64LittleEndian(bytes), System.Text.Encoding.ASCII.GetString(bytes.Slice(sizeof(long), DigestChars)),
                bytes[sizeof(long) + DigestChars] != 0, JsonSerializer.Deserialize<ProgressState>(progress, s_json)!);
        }
        return [.. standings.Values.OrderBy(one => one.Rank)];
    }
}
