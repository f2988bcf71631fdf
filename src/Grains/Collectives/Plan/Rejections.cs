using Spikeformer.Metrics;

namespace Spikeformer.Collectives.Plan;

/// <summary>Why a frame or a connection was refused.</summary>
internal enum RejectionCause
{
    /// <summary>Another protocol, another version of this one, or a damaged header.</summary>
    Malformed,
    /// <summary>Another run.</summary>
    WrongRun,
    /// <summary>Another generation of the run: number or nonce differ.</summary>
    WrongGeneration,
    /// <summary>Another incarnation of the worker.</summary>
    WrongIncarnation,
    /// <summary>Another step than the expected one.</summary>
    WrongStep,
    /// <summary>Another kind, tree node or offset than the expected one.</summary>
    WrongFrame,
    /// <summary>Another length than the expected one.</summary>
    WrongLength,
    /// <summary>The payload does not match its hash.</summary>
    DamagedPayload,
    /// <summary>The peer does not know the generation's secret.</summary>
    WrongSecret,
    /// <summary>The pair already has this connection.</summary>
    Duplicate,
    /// <summary>The hello did not arrive in time, or too many connections were waiting.</summary>
    TooSlow,
    /// <summary>The connection was closed before the handshake ended.</summary>
    Abandoned,
}

/// <summary>Counts refused frames or connections by cause. Their total over the process is also a metric.</summary>
internal sealed class Rejections
{
    private readonly long[] _counts = new long[Enum.GetValues<RejectionCause>().Length];

    /// <summary>Refusals for one cause.</summary>
    public long this[RejectionCause cause] => Volatile.Read(ref _counts[(int)cause]);

    /// <summary>All refusals.</summary>
    public long Total => Enum.GetValues<RejectionCause>().Sum(cause => this[cause]);

    public void Count(RejectionCause cause)
    {
        Interlocked.Increment(ref _counts[(int)cause]);
        Catalogue.Rejected.Add(1, cause.ToString());
    }
}
