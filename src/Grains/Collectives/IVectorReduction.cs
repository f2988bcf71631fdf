using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.Collectives.Transfers;

namespace Spikeformer.Collectives;

/// <summary>
/// How the members' vectors become their sum: where they lie and which way they move. What is added in which order, and so every bit, is
/// fixed beforehand; <see cref="Group"/> calls this and knows no more about it.
/// </summary>
/// <remarks>
/// <para><see cref="LinkReduction"/> takes vectors in host memory, and a CUDA worker copies its own there. A reduction of vectors that stay on
/// their devices plugs in here: by NCCL it would send each chunk's nodes to the chunk's owner (grouped ncclSend and ncclRecv), add them there
/// by one kernel in the order of <see cref="Contributions.Order"/>, as <see cref="TreeSum"/> does, and gather the sums (ncclAllGather). NCCL's
/// own all-reduce adds in an order of its own, so the bits would depend on the number of members.</para>
/// <para>It must not outwait a dead peer: with a communicator that does not block, it polls that and <see cref="TransferLoop.PeerLoss"/>, and aborts the
/// communicator when either ends. One communicator serves one generation.</para>
/// </remarks>
internal unsafe interface IVectorReduction : IDisposable
{
    /// <summary>Sums one vector per shard.</summary>
    /// <param name="step">The step, equal on all members.</param>
    /// <param name="contributions">Who brings which nodes.</param>
    /// <param name="sum">Their order.</param>
    /// <param name="own">This rank's nodes, only read.</param>
    /// <param name="result">Where the sum goes, on every rank; in host memory, since the training state is there.</param>
    /// <param name="length">Elements of every vector.</param>
    /// <param name="cancellation">Ends the generation.</param>
    /// <exception cref="PeerLostException">The generation is over; the result is worthless.</exception>
    void Reduce(long step, Contributions contributions, TreeSum sum, IReadOnlyList<NodeVector> own, float* result, long length, CancellationToken cancellation);
}

/// <summary>The sum of vectors in host memory, over the links of the mesh: shared memory or TCP.</summary>
/// <param name="loop">Drives it.</param>
/// <param name="transfer">Moves the frames and adds.</param>
/// <param name="peers">The others.</param>
internal sealed unsafe class LinkReduction(TransferLoop loop, ReduceTransfer transfer, IReadOnlyList<Peer> peers) : IVectorReduction
{
    public void Reduce(long step, Contributions contributions, TreeSum sum, IReadOnlyList<NodeVector> own, float* result, long length, CancellationToken cancellation)
    {
        transfer.Begin(step, contributions, sum, own, result, length, peers);
        loop.Drive(transfer, cancellation);
    }

    public void Dispose() => transfer.Dispose();
}
