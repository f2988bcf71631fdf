using Spikeformer.Collectives.Plan;
using Spikeformer.Collectives.Transfers;
using Spikeformer.Numerics;

namespace Spikeformer.Collectives;

/// <summary>What all members sent in an exchange: one payload per tree node, in shard order.</summary>
public sealed unsafe class NodePayloads
{
    private readonly Contributions _contributions;
    private readonly ExchangeTransfer _exchange;
    private int _payloadBytes;

    internal NodePayloads(Contributions contributions, ExchangeTransfer exchange) => (_contributions, _exchange) = (contributions, exchange);

    /// <summary>V.</summary>
    public int Shards => _contributions.Shards;

    /// <summary>Number of nodes; together they cover all shards.</summary>
    public int Count => _contributions.All.Count;

    /// <summary>A node, in shard order.</summary>
    public TreeNode Node(int index) => _contributions.All[index].Node;

    /// <summary>Its payload; valid until the group's next call.</summary>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            int rank = _contributions.All[index].Rank, position = _contributions.Order[index] - _contributions.FirstOf(rank);
            return new(_exchange[rank] + (long)position * _payloadBytes, _payloadBytes);
        }
    }

    /// <summary>Folds what the payloads mean along the summation tree: the same on every member.</summary>
    /// <param name="read">A payload's meaning; null is the identity.</param>
    /// <param name="add">Left and right to their sum.</param>
    public T? Fold<T>(Func<ReadOnlySpan<byte>, T?> read, Func<T, T, T> add) where T : class
    {
        var values = new Dictionary<TreeNode, T?>();
        for (int i = 0; i < Count; i++) values[Node(i)] = read(this[i]);
        return NodeFold.Fold(SummationTree.Root(Shards), Shards, values, add);
    }

    internal NodePayloads Of(int payloadBytes)
    {
        _payloadBytes = payloadBytes;
        return this;
    }
}
