using Spikeformer.Contracts;

namespace Spikeformer.Silo.Worker;

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
/// 64 bits that each member adds to a step's reduction: which generation it has heard of, and whether it was told to stop. Orders reach members
/// at different times; since all members see the same notes, they act at the same step without asking anybody.
/// </summary>
internal static class BoundaryNote
{
    private const ulong StopBit = 1;

    /// <summary>A member's note.</summary>
    /// <param name="newest">The newest generation that it has heard of; null or the present one when there is none.</param>
    /// <param name="mustStop">Whether it was told to stop.</param>
    public static ulong Of(GenerationPlan? newest, bool mustStop) => (newest is null ? 0 : Tag(newest)) | (mustStop ? StopBit : 0);

    /// <summary>What all notes together say.</summary>
    /// <param name="notes">All members' notes.</param>
    /// <param name="current">The present generation.</param>
    public static BoundaryVerdict Read(ReadOnlySpan<ulong> notes, GenerationPlan current)
    {
        ulong common = notes[0];
        bool allStop = true, allEqual = true;
        foreach (ulong note in notes)
        {
            allStop &= (note & StopBit) != 0;
            allEqual &= (note & ~StopBit) == (common & ~StopBit);
        }
        if (allStop) return BoundaryVerdict.Stop;
        return allEqual && (common & ~StopBit) is not 0 && (common & ~StopBit) != Tag(current) ? BoundaryVerdict.ChangeOver : BoundaryVerdict.GoOn;
    }

    /// <summary>Number and nonce in 63 bits, the lowest left free.</summary>
    private static ulong Tag(GenerationPlan plan)
    {
        Span<byte> identity = stackalloc byte[24];
        BitConverter.TryWriteBytes(identity, plan.Number);
        plan.Nonce.TryWriteBytes(identity[8..]);
        return System.IO.Hashing.XxHash3.HashToUInt64(identity) & ~StopBit;
    }
}
