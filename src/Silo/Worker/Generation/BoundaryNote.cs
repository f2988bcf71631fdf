namespace Spikeformer.Silo.Worker.Generation;

/// <summary>The members' agreement at a step's boundary.</summary>
internal enum BoundaryVerdict
{
    /// <summary>Run the next step.</summary>
    Continue,
    /// <summary>Save and end the run.</summary>
    Stop,
    /// <summary>Change over to a new generation, of which all members know.</summary>
    ChangeOver,
}

/// <summary>64 bits that each member adds to a step's all-reduce: the newest generation it knows, whether it was told to stop, and its part in a checkpoint
/// after the step. Orders reach members at different times. All members see the same notes, so they act at the same step without a coordinator.</summary>
internal static class BoundaryNote
{
    private const ulong StopBit = 1, SaveBit = 2, ShareBit = 4, Flags = StopBit | SaveBit | ShareBit;

    /// <summary>Writes a member's note.</summary>
    /// <param name="newest">The newest generation that it knows; null or the current one when there is no newer one.</param>
    /// <param name="mustStop">Whether it was told to stop.</param>
    /// <param name="saves">For the lead: whether it saves a checkpoint.</param>
    /// <param name="shares">For the lead: whether others may write slices of it. For the others: whether they could write slices.</param>
    public static ulong Of(GenerationPlan? newest, bool mustStop, bool saves, bool shares) =>
        (newest is null ? 0 : Tag(newest)) | (mustStop ? StopBit : 0) | (saves ? SaveBit : 0) | (shares ? ShareBit : 0);

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
        return allEqual && common is not 0 && common != Tag(current) ? BoundaryVerdict.ChangeOver : BoundaryVerdict.Continue;
    }

    /// <summary>The ranks that write a checkpoint at this boundary, the lead first; empty when none is saved.</summary>
    public static int[] Writers(ReadOnlySpan<ulong> notes)
    {
        if ((notes[0] & SaveBit) == 0) return [];
        List<int> writers = [0];
        for (int rank = 1; rank < notes.Length; rank++)
            if ((notes[0] & notes[rank] & ShareBit) != 0) writers.Add(rank);
        return [.. writers];
    }

    /// <summary>Number and nonce in 61 bits, beside the flags.</summary>
    private static ulong Tag(GenerationPlan plan)
    {
        Span<byte> identity = stackalloc byte[24];
        BitConverter.TryWriteBytes(identity, plan.Number);
        plan.Nonce.TryWriteBytes(identity[8..]);
        return System.IO.Hashing.XxHash3.HashToUInt64(identity) & ~Flags;
    }
}
