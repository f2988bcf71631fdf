using Spikeformer.Contracts;

namespace Spikeformer.Silo.Worker.Generation;

/// <summary>What members agree on at a step's boundary.</summary>
internal enum BoundaryVerdict
{
    /// <summary>The next step.</summary>
    GoOn,
    /// <summary>Save and end.</summary>
    Stop,
    /// <summary>All hold the same new generation: change over to it.</summary>
    ChangeOver,
}

/// <summary>
/// 64 bits that each member adds to a step's reduction: which generation it has heard of, whether it was told to stop, and what it has to do
/// with a checkpoint at the step's end. Orders reach members at different times; since all members see the same notes, they act at the same step
/// without asking anybody.
/// </summary>
internal static class BoundaryNote
{
    private const ulong StopBit = 1, SaveBit = 2, ShareBit = 4, Flags = StopBit | SaveBit | ShareBit;

    /// <summary>A member's note.</summary>
    /// <param name="newest">The newest generation that it has heard of; null or the present one when there is none.</param>
    /// <param name="mustStop">Whether it was told to stop.</param>
    /// <param name="saves">Of the lead: whether it saves a checkpoint.</param>
    /// <param name="shares">Whether others may write slices of it, for the lead; whether it could write some, for the others.</param>
    public static ulong Of(GenerationPlan? newest, bool mustStop, bool saves, bool shares) =>
        (newest is null ? 0 : Tag(newest)) | (mustStop ? StopBit : 0) | (saves ? SaveBit : 0) | (shares ? ShareBit : 0);

    /// <summary>What all notes together say.</summary>
    /// <param name="notes">All members' notes.</param>
    /// <param name="current">The present generation.</param>
    public static BoundaryVerdict Read(ReadOnlySpan<ulong> notes, GenerationPlan current)
    {
        ulong common = notes[0] & ~Flags;
        bool allStop = true, allEqual = true;
        foreach (ulong note in notes)
        {
            allStop &= (note & StopBit) != 0;
            allEqual &= (note & ~Flags) == common;
        }
        if (allStop) return BoundaryVerdict.Stop;
        return allEqual && common is not 0 && common != Tag(current) ? BoundaryVerdict.ChangeOver : BoundaryVerdict.GoOn;
    }

    /// <summary>Who writes a checkpoint at this boundary.</summary>
    /// <param name="notes">All members' notes.</param>
    /// <returns>Ranks, the lead first; empty when none is saved.</returns>
    public static int[] Writers(ReadOnlySpan<ulong> notes)
    {
        if ((notes[0] & SaveBit) == 0) return [];
        List<int> writers = [0];
        for (int rank = 1; rank < notes.Length; rank++)
            if ((notes[0] & notes[rank] & ShareBit) != 0) writers.Add(rank);
        return [.. writers];
    }

    /// <summary>Number and nonce in 61 bits; those of the flags are left free.</summary>
    private static ulong Tag(GenerationPlan plan)
    {
        Span<byte> identity = stackalloc byte[24];
        BitConverter.TryWriteBytes(identity, plan.Number);
        plan.Nonce.TryWriteBytes(identity[8..]);
        return System.IO.Hashing.XxHash3.HashToUInt64(identity) & ~Flags;
    }
}
