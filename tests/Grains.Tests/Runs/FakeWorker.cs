using Spikeformer.Contracts;

namespace Spikeformer.Grains.Tests.Runs;

/// <summary>Speaks to a run as a worker does, and computes nothing.</summary>
internal sealed class FakeWorker(IRunGrain run, string name, ulong incarnation = 1)
{
    private long _sequence;

    /// <summary>The newest generation that it was told of.</summary>
    public GenerationPlan? Plan { get; private set; }

    /// <summary>The event log that it keeps while it is the lead.</summary>
    public List<ClusterEvent> Log { get; } = [];

    /// <summary>The last report, to be sent again.</summary>
    public MemberReport? Last { get; private set; }

    public Task<MemberOrder> Report(WorkerPhase phase, long step = 0, Func<MemberReport, MemberReport>? with = null)
    {
        MemberReport report = Some.Report(name, phase, step, ++_sequence, incarnation) with
        {
            StepsPerEpoch = 44,
            TrainSamples = 704,
            Known = Plan?.Nonce ?? default,
            EventsWritten = Log.LastOrDefault()?.Sequence ?? 0,
        };
        if (Plan is not null) report = report.In(Plan);
        return Send(with?.Invoke(report) ?? report);
    }

    public Task<MemberOrder> Commit(long step, params long[] steps) => Report(WorkerPhase.Computing, step, report => report with
    {
        Commits = [.. steps.Select(one => new StepCommit { Step = one, Samples = 16, Digest = $"d{one}", Generation = report.Generation })],
    });

    public Task<MemberOrder> Tell(string kind) => Report(WorkerPhase.Computing, 0, report => report with
    {
        Events = [new() { Kind = kind, Message = kind }],
    });

    public async Task<MemberOrder> Send(MemberReport report)
    {
        Last = report;
        MemberOrder order = await run.Report(report);
        if (!order.IsPlanKnown) Plan = order.Plan;
        Log.AddRange(order.Events);
        return order;
    }
}
