using Spikeformer.Contracts;

namespace Spikeformer.Runs;

/// <summary>
/// What a run knows of its workers from their reports. Nothing in here is stored: after a crash of the coordinator the workers report again.
/// </summary>
/// <param name="time">Monotonic clock.</param>
public sealed class Roster(TimeProvider time)
{
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly long _opened = time.GetTimestamp();
    private long _arrivals;

    /// <summary>A voter that says nothing for this long is lost. Its peers usually notice sooner.</summary>
    public static TimeSpan SilenceLimit => TimeSpan.FromSeconds(5);

    /// <summary>How long members of a broken generation may take to report before it is planned without them.</summary>
    public static TimeSpan SealingLimit => TimeSpan.FromMilliseconds(150);

    /// <summary>Takes a report in.</summary>
    /// <returns>False when it was taken in before: then it changes nothing.</returns>
    public bool Accept(MemberReport report)
    {
        string worker = report.Info.Worker;
        bool isKnown = _entries.TryGetValue(worker, out Entry? old) && old.Report.Info.Incarnation == report.Info.Incarnation;
        if (isKnown && report.Sequence <= old!.Report.Sequence) return false;
        long now = time.GetTimestamp();
        bool goesOn = isKnown && old!.Report.Phase == report.Phase && old.Report.Step == report.Step;
        _entries[worker] = new(report, Received: now, PhaseSince: goesOn ? old!.PhaseSince : now, isKnown ? old!.Arrival : _arrivals++);
        if (report.Phase is WorkerPhase.Sealed)
            foreach (string lost in report.Lost)
                if (_entries.TryGetValue(lost, out Entry? entry)) _entries[lost] = entry with { NamedLost = now };
        return true;
    }

    /// <summary>Forgets a worker that is done with the run.</summary>
    public void Remove(string worker) => _entries.Remove(worker);

    /// <summary>The last report of a worker, or null.</summary>
    public MemberReport? ReportOf(string worker) => _entries.GetValueOrDefault(worker)?.Report;

    /// <summary>All workers that serve the run, in the order they came.</summary>
    public IReadOnlyList<MemberReport> Reports => [.. _entries.Values.OrderBy(entry => entry.Arrival).Select(entry => entry.Report)];

    /// <summary>The workers that the next generation can be made of, in the order they came.</summary>
    /// <param name="record">The run.</param>
    public IReadOnlyList<Candidate> Candidates(RunRecord record)
    {
        Entry[] present = [.. _entries.Values.OrderBy(entry => entry.Arrival).Where(entry => !IsLost(entry.Report.Info.Worker, entry.Report.Info.Incarnation))];
        bool someHaveState = present.Any(entry => HasState(record.Plan, entry.Report));
        return [.. from entry in present
                   let report = entry.Report
                   let canVote = someHaveState ? HasState(record.Plan, report) : report.Phase is WorkerPhase.Ready
                   where record.Fingerprint is not { } common || Difference(common, report.Fingerprint) is null || report.Fingerprint.Count == 0
                   select new Candidate(report.Info, report.Capacity, canVote, report.WantsToLeave)];
    }

    /// <summary>Whether the present generation can commit nothing more.</summary>
    public bool IsBroken(GenerationPlan? plan) => plan is not null
        && (plan.Members.Any(member => IsLost(member.Worker, member.Incarnation)) || Sealed(plan).Any());

    /// <summary>Whether a broken generation's members have all reported that they sealed it, or had their time.</summary>
    public bool IsSettled(GenerationPlan? plan)
    {
        if (plan is null) return true;
        Entry[] sealers = [.. Sealed(plan)];
        if (sealers.Length == 0) return true;
        bool all = plan.Members.All(member => IsLost(member.Worker, member.Incarnation)
            || sealers.Any(entry => entry.Report.Info.Worker == member.Worker));
        return all || sealers.Any(entry => time.GetElapsedTime(entry.PhaseSince) >= SealingLimit);
    }

    /// <summary>How long a worker has been in its phase of its step, and how long ago it reported, in seconds.</summary>
    public (double InPhase, double SinceReport) Ages(string worker) => _entries.TryGetValue(worker, out Entry? entry)
        ? (time.GetElapsedTime(entry.PhaseSince).TotalSeconds, time.GetElapsedTime(entry.Received).TotalSeconds)
        : (0, time.GetElapsedTime(_opened).TotalSeconds);

    /// <summary>The first field in which a fingerprint differs from the common one, in words; null when none does.</summary>
    public static string? Difference(IReadOnlyDictionary<string, string> common, IReadOnlyDictionary<string, string> own) =>
        (from name in common.Keys.Union(own.Keys).Order(StringComparer.Ordinal)
         let here = own.GetValueOrDefault(name, "(none)")
         let there = common.GetValueOrDefault(name, "(none)")
         where here != there
         select $"{name} is {here}, but {there} in the run").FirstOrDefault();

    private IEnumerable<Entry> Sealed(GenerationPlan plan) => _entries.Values.Where(entry =>
        entry.Report is { Phase: WorkerPhase.Sealed } report && report.Generation == plan.Number && report.Nonce == plan.Nonce);

    private bool IsLost(string worker, ulong incarnation)
    {
        if (!_entries.TryGetValue(worker, out Entry? entry)) return time.GetElapsedTime(_opened) >= SilenceLimit;
        if (entry.Report.Info.Incarnation != incarnation) return true;
        if (time.GetElapsedTime(entry.Received) >= SilenceLimit) return true;
        // Named lost by a peer and silent since then for as long as a report takes: a mistaken peer is corrected by its next report.
        return entry.NamedLost is { } named && entry.Received < named && time.GetElapsedTime(named) >= SealingLimit;
    }

    private static bool HasState(GenerationPlan? plan, MemberReport report) =>
        report.Phase is WorkerPhase.Following or WorkerPhase.Sealed || report is { Phase: WorkerPhase.Ready, Step: > 0 } || plan?.MemberOf(report.Info.Worker, report.Info.Incarnation) is not null;

    private sealed record Entry(MemberReport Report, long Received, long PhaseSince, long Arrival, long? NamedLost = null);
}
