using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Transfers;

namespace Spikeformer.Collectives;

/// <summary>
/// Sums the members' vectors. An implementation decides where the vectors are and how they move. The order of the additions, and therefore every
/// bit of the sum, is fixed by <see cref="TreeSum"/>.
/// </summary>
/// <remarks>
/// <para><see cref="LinkReduction"/> and <see cref="SmallReduction"/> take vectors in host memory; a CUDA worker copies its own there. A reduction of
/// vectors that stay on their devices fits in here. With NCCL it would send each chunk's nodes to the chunk's owner (grouped ncclSend and ncclRecv),
/// add them there with one kernel in the order of <see cref="Contributions.Order"/>, as <see cref="TreeSum"/> does, and gather the sums
/// (ncclAllGather). NCCL's own all-reduce chooses its own order of additions, so the bits would depend on the number of members.</para>
/// <para>A reduction must not wait for a dead peer. With a non-blocking communicator, it would poll the communicator and
/// <see cref="TransferLoop.PeerLoss"/>, and abort the communicator when either reports a failure. One communicator serves one generation.</para>
/// </remarks>
internal unsafe interface IVectorReduction
{
    /// <summary>Sums one vector per shard as <see cref="Group.AllReduce"/> promises. The result is in host memory, where the training state is.</summary>
    /// <exception cref="PeerLostException">The generation has ended; the result is invalid.</exception>
    void Reduce(long step, Contributions contributions, TreeSum sum, IReadOnlyList<NodeVector> own, float* result, long length, CancellationToken cancellation);
}

/// <summary>The sum of vectors in host memory, over the links of the mesh: shared memory or TCP.</summary>
internal sealed unsafe class LinkReduction(TransferLoop loop, ReduceTransfer transfer, IReadOnlyList<Peer> peers) : IVectorReduction, IDisposable
{
    public void Reduce(long step, Contributions contributions, TreeSum sum, IReadOnlyList<NodeVector> own, float* result, long length, CancellationToken cancellation)
    {
        transfer.Begin(step, contributions, sum, own, result, length, peers);
        loop.Drive(transfer, cancellation);
    }

    public void Dispose() => transfer.Dispose();
}
