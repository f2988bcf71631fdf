using Spikeformer.Collectives.Transfers;
using Spikeformer.Numerics;

namespace Spikeformer.Collectives;

/// <summary>The result of an exchange: one payload per tree node, in shard order.</summary>
internal sealed unsafe class NodePayloads
{
    private readonly Contributions _contributions;
    private readonly ExchangeTransfer _exchange;
    private int _payloadBytes;

    public NodePayloads(Contributions contributions, ExchangeTransfer exchange) => (_contributions, _exchange) = (contributions, exchange);

    /// <summary>V, the number of shards.</summary>
    public int Shards => _contributions.Shards;

    /// <summary>Number of nodes. Together they cover all shards.</summary>
    public int Count => _contributions.All.Count;

    /// <summary>Returns a node by its position in shard order.</summary>
    public TreeNode Node(int index) => _contributions.All[index].Node;

    /// <summary>The payload of a node; valid until the group's next call.</summary>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            int rank = _contributions.All[index].Rank, position = _contributions.Order[index] - _contributions.FirstOf(rank);
            return new(_exchange[rank] + (long)position * _payloadBytes, _payloadBytes);
        }
    }

    /// <summary>Folds the payloads along the summation tree. The result is the same on every member.</summary>
    /// <param name="read">Reads a payload; null is the identity.</param>
    /// <param name="add">Adds left and right.</param>
    public T? Fold<T>(Func<ReadOnlySpan<byte>, T?> read, Func<T, T, T> add) where T : class
    {
        var values = new Dictionary<TreeNode, T?>();
        for (int i = 0; i < Count; i++) values[Node(i)] = read(this[i]);
        return NodeFold.Fold(SummationTree.Root(Shards), Shards, values, add);
    }

    public NodePayloads Of(int payloadBytes)
    {
        _payloadBytes = payloadBytes;
        return this;
    }
}
