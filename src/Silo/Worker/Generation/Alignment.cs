using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text.Json;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Spikeformer.Silo.Worker.Session;
using Spikeformer.Silo.Worker.Transfer;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>The first phase of a generation. All members exchange their standing, and those behind take over from the furthest: the reduced vector of the one
/// step that they missed, or else the state. Afterwards all members hold the same bits. Start, resume, join and recovery all take this one way.</summary>
internal static class Alignment
{
    private const int StatePart = int.MaxValue, BarrierPart = int.MaxValue - 1, ProgressBytes = 2048;
    private const int HashAt = sizeof(long), FlagsAt = HashAt + sizeof(ulong), KeptAt = FlagsAt + 1, NodeBytes = 3,
        ProgressAt = KeptAt + 1 + KeptSums.MaxCount * NodeBytes, PayloadBytes = ProgressAt + ProgressBytes;
    // The step of a member without any state of the run. It needs another's state, never a single step.
    private const long NoState = -1;
    private const byte ForgottenFlag = 1, ReducedFlag = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    /// <summary>A member's standing.</summary>
    /// <param name="Rank">The member.</param>
    /// <param name="Step">Committed steps of its state, or <see cref="NoState"/>.</param>
    /// <param name="Hash">Hash of its whole state.</param>
    /// <param name="HasForgotten">Whether it gave up its state as wrong.</param>
    /// <param name="HasReduced">Whether it can lend the reduced vector of its last step.</param>
    /// <param name="Kept">Nodes whose sums of the next step it has kept.</param>
    /// <param name="Progress">Averages and evaluations.</param>
    private readonly record struct Standing(int Rank, long Step, ulong Hash, bool HasForgotten, bool HasReduced, IReadOnlyList<TreeNode> Kept, ProgressState Progress);

    /// <summary>Brings all members to one state.</summary>
    /// <param name="group">The generation's group.</param>
    /// <param name="run">The run.</param>
    /// <param name="caughtUp">Called with the step that this member had missed, after it was applied.</param>
    /// <param name="recovery">How to finish the step that the last generation left unfinished; null to compute all of it.</param>
    /// <param name="cancellation">Seals the group.</param>
    /// <returns>False when this member must forget its state: members hold different bits of one step, or others found a difference and this state may
    /// share it.</returns>
    /// <exception cref="PeerLostException">A member was lost.</exception>
    /// <exception cref="SpikeformerException">Members differ before the first step, or the initial weights are missing.</exception>
    public static bool TryAlign(Group group, PreparedRun run, Action<CommittedStep> caughtUp, out RecoveryPlan? recovery, CancellationToken cancellation)
    {
        recovery = null;
        Standing[] all = Exchange(group, run, StatePart, cancellation);
        if (all.Any(one => one.HasForgotten) && !run.Held.IsForgotten && run.Held.State.HasBegun) return false;
        Standing furthest = all.OrderByDescending(one => (one.Step, one.Progress.Epochs)).ThenBy(one => one.Rank).First();
        // Several members with the same step and the same bits lend the state to those that are more than one step behind.
        Standing[] donors = [.. all.Where(one => (one.Step, one.Hash) == (furthest.Step, furthest.Hash)).Take(StateFetch.MostDonors)];
        Lend(run, group.Plan.OwnRank, furthest, donors, all);
        long step = all[group.Plan.OwnRank].Step;
        if (step < furthest.Step)
        {
            if (NeedsOneStep(step, furthest)) TakeStep(group, run, furthest, caughtUp, cancellation);
            else TakeState(group, run, furthest.Step, donors, cancellation);
        }
        if (furthest.Rank != group.Plan.OwnRank) run.Held.Progress.State = furthest.Progress;
        run.Held.Weights.TakeIfMissing();

        // No member continues before all members hold the same bits.
        Standing[] aligned = Exchange(group, run, BarrierPart, cancellation);
        if (aligned.FirstOrDefault(one => (one.Step, one.Hash) != (aligned[0].Step, aligned[0].Hash)) is { Rank: > 0 } other)
        {
            if (run.Held.State.HasBegun) return false;
            throw new SpikeformerException(ErrorKind.Failed, $"{group.Plan.Name(other.Rank)} has other initial weights than {group.Plan.Name(0)}",
                "Run the same build on all workers, on machines of one kind");
        }
        run.Held.Aligned();
        recovery = RecoveryPlan.Of(group.Plan, [.. aligned.Select(one => one.Kept)], isCoupled: run.Recipe.BatchNorm is BatchNormMode.Global);
        if (recovery is null) run.Held.Kept.Forget();
        return true;
    }

    /// <summary>Whether a member has missed only the last step of the furthest member, which can lend it.</summary>
    private static bool NeedsOneStep(long step, Standing furthest) => furthest.HasReduced && step == furthest.Step - 1;

    private static void Lend(PreparedRun run, int ownRank, Standing furthest, Standing[] donors, Standing[] all)
    {
        Standing[] behind = [.. all.Where(one => one.Step < furthest.Step)];
        if (ownRank == furthest.Rank && behind.Any(one => NeedsOneStep(one.Step, furthest)))
            run.Held.Transfers.Lend(furthest.Step - 1, run.Held.Reduced.Of(furthest.Step - 1)!.Bytes);
        if (donors.Any(one => one.Rank == ownRank) && behind.Any(one => !NeedsOneStep(one.Step, furthest)))
            run.Held.Transfers.Lend(furthest.Step, run.Held.Copy);
    }

    private static void TakeStep(Group group, PreparedRun run, Standing from, Action<CommittedStep> caughtUp, CancellationToken cancellation)
    {
        try
        {
            using Socket socket = Connect(group, from.Rank, cancellation);
            using CancellationTokenRegistration closing = cancellation.Register(socket.Dispose);
            using NetworkStream stream = StateWire.Open(socket);
            StepVector reduced = run.Held.Reduced.For(run.Held.State.Step);
            StateWire.Ask(stream, new(StateWire.Kind.Reduced, run.Held.State.Step, StateWire.Digest(run.Held.State.Digest)));
            StateWire.Answer answer;
            while ((answer = StateWire.Read(stream, reduced)) is StateWire.Answer.Waiting or StateWire.Answer.Aligning)
            {
            }
            // The furthest member has other bits of the step before. All members find out when they compare their states.
            if (answer is StateWire.Answer.Gone) return;
            CommittedStep missed = run.Held.State.Apply(run.Order.Plan(run.Held.State.Step), reduced);
            run.Held.Reduced.Committed(missed.Step - 1);
            run.Held.Transfers.Commit(missed.Step - 1, StateWire.Digest(missed.Digest), reduced.Bytes, run.Held.Copy);
            caughtUp(missed);
        }
        catch (Exception error) when (error is IOException or InvalidDataException or SocketException or ObjectDisposedException)
        {
            throw group.Abort($"The reduced vector of step {from.Step - 1} did not arrive from {group.Plan.Name(from.Rank)}: {error.Message}", from.Rank);
        }
    }

    private static void TakeState(Group group, PreparedRun run, long step, Standing[] from, CancellationToken cancellation)
    {
        using var fetch = new StateFetch(run.Held.Slices, [.. from.Select(one => new Donor(group.Plan.Members[one.Rank].Worker, () => Connect(group, one.Rank, cancellation)))]);
        if (fetch.Run(step, stepsAhead: 0, cancellation) is { } copy)
        {
            run.Held.Take(copy, $"generation {group.Plan.GenerationNumber}");
            return;
        }
        cancellation.ThrowIfCancellationRequested();
        int[] lost = [.. from.Where(one => fetch.Lost.Contains(group.Plan.Members[one.Rank].Worker)).Select(one => one.Rank)];
        throw group.Abort($"The state of step {step} did not arrive from {string.Join(", ", from.Select(one => group.Plan.Name(one.Rank)))}", lost);
    }

    private static Socket Connect(Group group, int rank, CancellationToken cancellation) =>
        GroupDialer.Connect(group.Plan, rank, ConnectionPurpose.Transfer, Patience, cancellation);

    private static Standing[] Exchange(Group group, PreparedRun run, int part, CancellationToken cancellation)
    {
        var own = new byte[PayloadBytes];
        BinaryPrimitives.WriteInt64LittleEndian(own, run.Held.Weights.AreMissing ? NoState : run.Held.State.Step);
        BinaryPrimitives.WriteUInt64LittleEndian(own.AsSpan(HashAt), run.Held.State.Hash());
        own[FlagsAt] = (byte)((run.Held.IsForgotten ? ForgottenFlag : 0) | (run.Held.Reduced.Of(run.Held.State.Step - 1) is not null ? ReducedFlag : 0));
        WriteNodes(run.Held.Kept.Of(run.Held.State.Step), own.AsSpan(KeptAt));
        JsonSerializer.SerializeToUtf8Bytes(run.Held.Progress.Newest, StateWire.Json).CopyTo(own, ProgressAt);
        byte[] message = [.. Enumerable.Repeat(own, group.OwnNodes.Count).SelectMany(bytes => bytes)];
        // The members' steps are not known to be equal yet, so these exchanges carry step 0.
        NodePayloads all = group.ExchangeNodes(0, part, PayloadBytes, message, cancellation);
        var standings = new Dictionary<int, Standing>();
        for (int i = 0; i < all.Count; i++)
        {
            ReadOnlySpan<byte> bytes = all[i];
            int shard = all.Node(i).First, rank = 0;
            while (shard >= group.Plan.Members[rank].EndShard) rank++;
            ReadOnlySpan<byte> progress = bytes[ProgressAt..].TrimEnd((byte)0);
            standings[rank] = new(rank, BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[HashAt..]),
                (bytes[FlagsAt] & ForgottenFlag) != 0, (bytes[FlagsAt] & ReducedFlag) != 0, ReadNodes(bytes[KeptAt..]), JsonSerializer.Deserialize<ProgressState>(progress, StateWire.Json)!);
        }
        return [.. standings.Values.OrderBy(one => one.Rank)];
    }

    private static void WriteNodes(IReadOnlyList<TreeNode> nodes, Span<byte> bytes)
    {
        bytes[0] = (byte)nodes.Count;
        for (int i = 0; i < nodes.Count; i++)
        {
            bytes[1 + i * NodeBytes] = (byte)nodes[i].Level;
            BinaryPrimitives.WriteUInt16LittleEndian(bytes[(2 + i * NodeBytes)..], (ushort)nodes[i].Index);
        }
    }

    private static TreeNode[] ReadNodes(ReadOnlySpan<byte> bytes)
    {
        var nodes = new TreeNode[bytes[0]];
        for (int i = 0; i < nodes.Length; i++) nodes[i] = new(bytes[1 + i * NodeBytes], BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 + i * NodeBytes)..]));
        return nodes;
    }
}
