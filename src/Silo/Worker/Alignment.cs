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
    private const int StatePart = int.MaxValue, BarrierPart = int.MaxValue - 1, ProgressBytes = 2048;
    private const int HashAt = sizeof(long), ForgottenAt = HashAt + sizeof(ulong), ProgressAt = ForgottenAt + 1, PayloadBytes = ProgressAt + ProgressBytes;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly JsonSerializerOptions s_json = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
        IgnoreReadOnlyProperties = true,
    };

    private readonly record struct Standing(int Rank, long Step, ulong Hash, bool HasForgotten, ProgressState Progress);

    /// <summary>Brings all members to one state.</summary>
    /// <param name="group">The generation's group.</param>
    /// <param name="run">The run.</param>
    /// <param name="store">Where others copy this member's state from.</param>
    /// <param name="cancellation">Seals the group.</param>
    /// <returns>False when this member's state must be forgotten: members hold different bits of one step, or others have found that and this state is
    /// as old.</returns>
    /// <exception cref="PeerLostException">A member was lost meanwhile.</exception>
    /// <exception cref="SpikeformerException">Members differ before the first step.</exception>
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
        Standing[] aligned = Exchange(group, run, BarrierPart, cancellation);
        if (aligned.FirstOrDefault(one => (one.Step, one.Hash) != (aligned[0].Step, aligned[0].Hash)) is { Rank: > 0 } other)
        {
            if (run.State.Step > 0) return false;
            throw new SpikeformerException(ErrorKind.Failed, $"{group.Plan.Name(other.Rank)} begins with other weights than {group.Plan.Name(0)}",
                "Run all workers with the same build on machines of one kind");
        }
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
        BinaryPrimitives.WriteUInt64LittleEndian(own.AsSpan(HashAt), run.State.Hash());
        own[ForgottenAt] = run.HasForgotten ? (byte)1 : (byte)0;
        JsonSerializer.SerializeToUtf8Bytes(run.Progress.Newest, s_json).CopyTo(own, ProgressAt);
        byte[] message = [.. Enumerable.Repeat(own, group.OwnNodes.Count).SelectMany(bytes => bytes)];
        // The step is what is being found out, so these exchanges carry none.
        NodePayloads all = group.ExchangeNodes(0, part, PayloadBytes, message, cancellation);
        var standings = new Dictionary<int, Standing>();
        for (int i = 0; i < all.Count; i++)
        {
            ReadOnlySpan<byte> bytes = all[i];
            int shard = all.Node(i).First, rank = 0;
            while (shard >= group.Plan.Members[rank].EndShard) rank++;
            ReadOnlySpan<byte> progress = bytes[ProgressAt..].TrimEnd((byte)0);
            standings[rank] = new(rank, BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[HashAt..]),
                bytes[ForgottenAt] != 0, JsonSerializer.Deserialize<ProgressState>(progress, s_json)!);
        }
        return [.. standings.Values.OrderBy(one => one.Rank)];
    }
}
