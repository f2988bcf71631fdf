namespace Spikeformer.Collectives.Frames;

/// <summary>
/// The frames that one rank sends to another in a reduction, in order: a Begin, then the tree nodes of each block of the receiver's chunk, and
/// between them the sums of the blocks of the sender's own chunk. Both ends walk the same sequence, so the receiver knows each frame beforehand.
/// </summary>
/// <remarks>The sum of block i follows the nodes of block i + <see cref="Lag"/>. A sum therefore waits only for nodes at earlier positions, so
/// ranks cannot wait for each other in a circle. While a rank waits for a peer's nodes, its own nodes continue to flow.</remarks>
internal struct FrameSequence
{
    public const int Lag = 1;

    private readonly int _scatterBlocks, _nodes, _gatherBlocks;
    private int _turn, _position;

    /// <param name="scatterBlocks">Number of blocks in the receiver's chunk.</param>
    /// <param name="nodes">Number of tree nodes that the sender contributes.</param>
    /// <param name="gatherBlocks">Number of blocks in the sender's chunk.</param>
    public FrameSequence(int scatterBlocks, int nodes, int gatherBlocks)
    {
        (_scatterBlocks, _nodes, _gatherBlocks) = (scatterBlocks, nodes, gatherBlocks);
        Kind = FrameKind.Begin;
        _position = -1;
    }

    public FrameKind Kind { get; private set; }

    /// <summary>Index of the block in the receiver's chunk (scatter) or in the sender's (gather).</summary>
    public int Block { get; private set; }

    /// <summary>Index of the sender's node.</summary>
    public int Node { get; private set; }

    public bool IsDone { get; private set; }

    public void MoveNext()
    {
        while (_turn < Math.Max(_scatterBlocks, _gatherBlocks + Lag))
        {
            if (++_position < _nodes && _turn < _scatterBlocks)
            {
                (Kind, Block, Node) = (FrameKind.Scatter, _turn, _position);
                return;
            }
            int gather = _turn++ - Lag;
            _position = -1;
            if (gather >= 0 && gather < _gatherBlocks)
            {
                (Kind, Block, Node) = (FrameKind.Gather, gather, 0);
                return;
            }
        }
        IsDone = true;
    }
}
