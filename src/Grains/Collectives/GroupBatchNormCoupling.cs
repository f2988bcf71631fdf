using System.Runtime.InteropServices;
using Spikeformer.Diagnostics;
using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Training;

namespace Spikeformer.Collectives;

/// <summary>
/// Couples BatchNorm over a group. Every rank folds its shards into its tree nodes and sends the nodes' values to all ranks, which fold them further.
/// These are the merges of <see cref="LocalBatchNormCoupling"/>, for any distribution of shards.
/// </summary>
/// <remarks><c>filled</c> are this rank's shards that have samples, ascending, which is the order of the engine's group. A rank whose shards are all
/// empty computes no layers but must take part in the exchanges. It calls <see cref="Follow"/>.</remarks>
internal sealed class GroupBatchNormCoupling(Group group, long step, IReadOnlyList<int> filled, CancellationToken cancellation = default) : IBatchNormCoupling
{
    /// <summary>Time that this rank has spent in exchanges, mostly waiting for slower ranks.</summary>
    public TimeSpan Exchanging { get; private set; }

    /// <summary>Called before each exchange, when this rank has reached it by its own work.</summary>
    public Action? Reached { get; init; }

    private const int MiddlePart = 2; // the second layer's forward exchange

    /// <inheritdoc/>
    public BatchMoments Merge(BatchNormLayer layer, IReadOnlyList<BatchMoments> own) =>
        Merge(Part(layer, isBackward: false), own, BatchMoments.Merge, m => [m.Count, .. m.Mean, .. m.SquaredDeviations],
            values => new(values[0], values[1..(1 + layer.Channels)].ToArray(), values[(1 + layer.Channels)..].ToArray()), layer.Channels);

    /// <inheritdoc/>
    public GradientSums Merge(BatchNormLayer layer, IReadOnlyList<GradientSums> own) =>
        Merge(Part(layer, isBackward: true), own, GradientSums.Add, s => [1, .. s.Plain, .. s.Normalised],
            values => new(values[1..(1 + layer.Channels)].ToArray(), values[(1 + layer.Channels)..].ToArray()), layer.Channels);

    /// <summary>Takes part in all exchanges of a step in which none of this rank's shards has samples. It contributes the identity to each of them, in
    /// the order in which a computing rank reaches the layers.</summary>
    /// <param name="layers">The network's BatchNorm layers.</param>
    /// <param name="leader">A rank that has samples.</param>
    /// <exception cref="PeerLostException">A peer was lost, or the leader is in an unknown exchange.</exception>
    public void Follow(IReadOnlyList<BatchNormLayer> layers, int leader)
    {
        if (filled.Count > 0) throw new InvalidOperationException("A rank with samples computes and does not follow.");
        var open = layers.SelectMany(layer => ((bool[])[false, true]).Select(isBackward => (Part: Part(layer, isBackward), layer.Channels))).ToDictionary();
        while (open.Count > 0)
        {
            int part = group.AwaitExchange(leader, step, cancellation);
            if (!open.Remove(part, out int channels))
                throw group.Abort($"{group.Plan.Name(leader)} is in exchange {part} of step {step}, which the network does not have", leader);
            Reached?.Invoke();
            group.ExchangeNodes(step, part, Bytes(channels), new byte[Bytes(channels) * group.OwnNodes.Count], cancellation);
        }
    }

    private T Merge<T>(int part, IReadOnlyList<T> own, Func<T, T, T> add, Func<T, double[]> write, Func<double[], T> read, int channels) where T : class
    {
        if (own.Count != filled.Count) throw new ArgumentException($"{filled.Count} shards have samples, but {own.Count} values were given.", nameof(own));
        var leaves = new Dictionary<TreeNode, T?>();
        for (int i = 0; i < own.Count; i++) leaves[new(0, filled[i])] = own[i];
        // A node without samples stays all zeros, as its count shows.
        double[] payloads = new double[group.OwnNodes.Count * Values(channels)];
        for (int i = 0; i < group.OwnNodes.Count; i++)
            if (NodeFold.Fold(group.OwnNodes[i].Node, group.Plan.Shards, leaves, add) is { } sum) write(sum).CopyTo(payloads, i * Values(channels));
        if (part == MiddlePart) FailPoints.Hit("couple", step);
        Reached?.Invoke();
        long began = group.Plan.Options.Time.GetTimestamp();
        NodePayloads all = group.ExchangeNodes(step, part, Bytes(channels), MemoryMarshal.AsBytes<double>(payloads), cancellation);
        Exchanging += group.Plan.Options.Time.GetElapsedTime(began);
        return all.Fold(payload => MemoryMarshal.Cast<byte, double>(payload) is var values && values[0] == 0 ? null : read(values.ToArray()), add)!;
    }

    // A count (moments) or 1 (gradient sums), then two values per channel.
    private static int Values(int channels) => 1 + 2 * channels;

    private static int Bytes(int channels) => Values(channels) * sizeof(double);

    private static int Part(BatchNormLayer layer, bool isBackward) => 2 * layer.Index + (isBackward ? 1 : 0);
}
