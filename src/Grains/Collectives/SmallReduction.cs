using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Frames;
using Spikeformer.Collectives.Transfers;

namespace Spikeformer.Collectives;

/// <summary>The sum of short vectors: every member sends its nodes whole to all others, and all members add them. This takes one round trip instead
/// of two.</summary>
internal sealed unsafe class SmallReduction(GroupPlan plan, TransferLoop loop, ExchangeTransfer exchange, IReadOnlyList<Peer> peers, ulong* notes) : IVectorReduction
{
    /// <summary>Vectors below this size are reduced this way.</summary>
    public const long MaxBytes = 64 << 10;

    /// <summary>Position of the vectors in a message: after the note, aligned.</summary>
    private const int NoteBytes = 64;

    public void Reduce(long step, Contributions contributions, TreeSum sum, IReadOnlyList<NodeVector> own, float* result, long length, CancellationToken cancellation)
    {
        long bytes = length * sizeof(float);
        for (int rank = 0; rank < plan.WorldSize; rank++) exchange.Reserve(rank, NoteBytes + bytes * contributions.Of(rank).Count);
        byte* message = exchange[plan.OwnRank];
        *(ulong*)message = notes[plan.OwnRank];
        for (int i = 0; i < own.Count; i++) Buffer.MemoryCopy((void*)own[i].Values, message + NoteBytes + i * bytes, bytes, bytes);

        exchange.Begin(FrameKind.SmallReduce, step, 0, peers);
        loop.Drive(exchange, cancellation);

        float** sources = stackalloc float*[contributions.All.Count];
        for (int rank = 0; rank < plan.WorldSize; rank++)
        {
            notes[rank] = *(ulong*)exchange[rank];
            for (int i = 0; i < contributions.Of(rank).Count; i++) sources[contributions.FirstOf(rank) + i] = (float*)(exchange[rank] + NoteBytes + i * bytes);
        }
        sum.Add(sources, length, result);
    }
}
