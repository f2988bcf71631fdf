using Spikeformer.Metrics;

namespace Spikeformer.Collectives.Plan;

/// <summary>Why a frame or a connection was refused.</summary>
public enum RejectionCause
{
    /// <summary>Not this protocol, another version of it, or a header that was damaged on the way.</summary>
    Malformed,
    /// <summary>Another run.</summary>
    WrongRun,
    /// <summary>Another generation of the run: number or nonce differ.</summary>
    WrongGeneration,
    /// <summary>Another life of the worker than the plan's.</summary>
    WrongIncarnation,
    /// <summary>Another step than the one that is due.</summary>
    WrongStep,
    /// <summary>Another kind, tree node or offset than the one that is due.</summary>
    WrongFrame,
    /// <summary>Another length than the one that is due.</summary>
    WrongLength,
    /// <summary>The payload's hash does not fit.</summary>
    DamagedPayload,
    /// <summary>The peer does not know the generation's secret.</summary>
    WrongSecret,
    /// <summary>The pair already has this connection.</summary>
    Duplicate,
    /// <summary>The hello did not arrive in time, or too many others were waiting.</summary>
    TooSlow,
    /// <summary>It was closed before it had proved anything.</summary>
    Abandoned,
}

/// <summary>Counts what was refused, by cause. The process's sum is also a metric.</summary>
public sealed class Rejections
{
    private readonly long[] _counts = new long[Enum.GetValues<RejectionCause>().Length];

    /// <summary>Refusals for one cause.</summary>
    public long this[RejectionCause cause] => Volatile.Read(ref _counts[(int)cause]);

    /// <summary>All refusals.</summary>
    public long Total => Enum.GetValues<RejectionCause>().Sum(cause => this[cause]);

    internal void Count(RejectionCause cause)
    {
        Interlocked.Increment(ref _counts[(int)cause]);
        Catalogue.Rejected.Add(1, cause.ToString());
    }
}
