namespace Spikeformer.Runs;

/// <summary>
/// The workers of a run, as their reports describe them. Nothing in here is stored: after a crash of the coordinator, the workers report again.
/// </summary>
/// <param name="time">Monotonic clock.</param>
public sealed class Roster(TimeProvider time)
{
    private static readonly IReadOnlyDictionary<string, string> s_none = new Dictionary<string, string>();

    private readonly Dictionary<string, Entry> _entries = [];
    private readonly List<IReadOnlyDictionary<string, string>> _fingerprints = [];
    private readonly long _opened = time.GetTimestamp();
    private long _arrivals;

    /// <summary>A voter that has not reported for this long is lost. Its peers usually notice sooner.</summary>
    public static TimeSpan SilenceLimit => TimeSpan.FromSeconds(5);

    /// <summary>The time that members of a broken generation have to report before the next one is planned without them.</summary>
    public static TimeSpan SealingLimit => TimeSpan.FromMilliseconds(150);

    /// <summary>The time for which a report shows which peers its worker hears.</summary>
    public static TimeSpan HearingLimit => TimeSpan.FromSeconds(1);

    /// <summary>Accepts a report.</summary>
    /// <returns>False for a repeated report, which changes nothing.</returns>
    public bool Accept(MemberReport report) => Accept(report, out _);

    /// <summary>Accepts a report.</summary>
    /// <param name="report">The report.</param>
    /// <param name="isUrgent">Whether it may require another generation: the worker can vote now, was restarted, asks to leave, or lost a peer.</param>
    /// <returns>False for a repeated report, which changes nothing.</returns>
    public bool Accept(MemberReport report, out bool isUrgent)
    {
        isUrgent = false;
        string worker = report.Info.Worker;
        bool isKnown = _entries.TryGetValue(worker, out Entry? old) && old.Report.Info.Incarnation == report.Info.Incarnation;
        if (isKnown && report.Sequence <= old!.Report.Sequence) return false;
        report = report with { Fingerprint = isKnown && report.Fingerprint.Count == 0 ? old!.Report.Fingerprint : Shared(report.Fingerprint) };
        long now = time.GetTimestamp();
        bool isSamePhase = isKnown && (old!.Report.Phase, old.Report.Step, old.Report.Nonce) == (report.Phase, report.Step, report.Nonce);
        // A worker that is stuck repeats the same report. A worker that was named lost by mistake has sealed its generation and reports that.
        bool isAlive = !isSamePhase || report.Phase is WorkerPhase.Sealed;
        _entries[worker] = new(report, Received: now, PhaseSince: isSamePhase ? old!.PhaseSince : now, isKnown ? old!.Arrival : _arrivals++, isAlive ? null : old!.NamedLost);
        // To be named lost again, by the same peer or by another, gives a worker no more time. Once it has shown that it is alive, a repeated report
        // does not name it again.
        bool isRepeated = isKnown && old!.Report.Phase is WorkerPhase.Sealed && old.Report.Lost.SequenceEqual(report.Lost);
        if (report.Phase is WorkerPhase.Sealed && !isRepeated)
            foreach (string lost in report.Lost)
                if (_entries.TryGetValue(lost, out Entry? entry)) _entries[lost] = entry with { NamedLost = entry.NamedLost ?? now };
        bool changesVoters = report.Phase is WorkerPhase.Ready or WorkerPhase.Following or WorkerPhase.Sealed && old?.Report.Phase != report.Phase;
        isUrgent = changesVoters || old is not null && (!isKnown || report.WantsToLeave != old.Report.WantsToLeave);
        return true;
    }

    /// <summary>Removes a worker that is done with the run.</summary>
    public void Remove(string worker) => _entries.Remove(worker);

    /// <summary>Returns the last report of a worker, or null.</summary>
    public MemberReport? ReportOf(string worker) => _entries.GetValueOrDefault(worker)?.Report;

    /// <summary>The last reports of all workers that serve the run and are not lost, in the order of arrival.</summary>
    public IReadOnlyList<MemberReport> Reports => [.. from entry in _entries.Values
                                                     orderby entry.Arrival
                                                     let report = entry.Report
                                                     where !IsLost(report.Info.Worker, report.Info.Incarnation)
                                                     select report];

    /// <summary>Returns the number of workers that the run can count on: the available ones that do not leave, and members that have not yet reported
    /// to this coordinator.</summary>
    /// <param name="record">The run.</param>
    public int Serving(RunRecord record) => Candidates(record).Count(candidate => !candidate.WantsToLeave)
        + (record.Plan?.Members.Count(member => !_entries.ContainsKey(member.Worker) && !IsLost(member.Worker, member.Incarnation)) ?? 0);

    /// <summary>Returns the workers that the next generation can have. Workers that hold the run's state come first, since one of them must keep the
    /// run directory; each group is in the order of arrival.</summary>
    /// <param name="record">The run.</param>
    public IReadOnlyList<Candidate> Candidates(RunRecord record) => Candidates(record, out _);

    /// <summary>Returns the workers that the next generation can have, and why the others are left out.</summary>
    /// <param name="record">The run.</param>
    /// <param name="leftOut">Why, by worker: <c>left out: isa is AVX512 here and AVX2 in the run; …</c>.</param>
    public IReadOnlyList<Candidate> Candidates(RunRecord record, out IReadOnlyDictionary<string, string> leftOut)
    {
        var members = (record.Plan?.Members ?? []).ToDictionary(member => member.Worker, member => member.Incarnation);
        MemberReport[] present = [.. from entry in _entries.Values
                                     let report = entry.Report
                                     where report.Failure is null && !IsLost(report.Info.Worker, report.Info.Incarnation)
                                     orderby HasState(members, report) descending, entry.Arrival
                                     select report];
        IReadOnlySet<string> cutOff = CutOff(record, members, present);
        // While others train, they do not wait for a newcomer: it follows first. When no worker trains, it takes over the state as the members align.
        bool mayBegin = record.Plan is null || !present.Any(report => HasState(members, report));
        bool CanVote(MemberReport report) => !cutOff.Contains(report.Info.Worker) && (HasState(members, report) || mayBegin && HasPrepared(report));
        // Before the first generation, the first worker that can vote sets the numerics.
        var common = record.Fingerprint is { } set ? Shared(set) : present.FirstOrDefault(CanVote)?.Fingerprint;
        bool IsLeftOut(MemberReport report) => common is not null && report.Fingerprint.Count > 0 && report.Fingerprint != common;
        leftOut = present.Any(IsLeftOut)
            ? present.Where(IsLeftOut).ToDictionary(report => report.Info.Worker, report => $"left out: {FingerprintMismatch.Describe(common!, report.Fingerprint)}")
            : s_none;
        return [.. from report in present
                   where !IsLeftOut(report)
                   select new Candidate(report.Info, report.Capacity, CanVote(report), report.WantsToLeave, report.SecondsPerShard)];
    }

    /// <summary>Returns whether the current generation can commit nothing more.</summary>
    public bool IsBroken(GenerationPlan? plan) => plan is not null
        && (plan.Members.Any(member => IsLost(member.Worker, member.Incarnation)) || Sealed(plan).Any());

    /// <summary>Returns whether enough is known to plan. The members of a broken generation must have reported that they sealed it, or their time is
    /// up; those of a sound one must all have reported to this coordinator. Otherwise the first to report would be planned without the
    /// others.</summary>
    public bool IsSettled(GenerationPlan? plan)
    {
        if (plan is null) return true;
        Dictionary<string, Entry> sealers = Sealed(plan).ToDictionary(entry => entry.Report.Info.Worker);
        return sealers.Count == 0
            ? plan.Members.All(member => _entries.ContainsKey(member.Worker) || IsLost(member.Worker, member.Incarnation))
            : plan.Members.All(member => sealers.ContainsKey(member.Worker) || IsLost(member.Worker, member.Incarnation))
                || sealers.Values.Any(entry => time.GetElapsedTime(entry.PhaseSince) >= SealingLimit);
    }

    /// <summary>Returns the seconds since a worker entered its phase of its step, and since it reported.</summary>
    public (double InPhase, double SinceReport) Ages(string worker) => _entries.TryGetValue(worker, out Entry? entry)
        ? (time.GetElapsedTime(entry.PhaseSince).TotalSeconds, time.GetElapsedTime(entry.Received).TotalSeconds)
        : (0, time.GetElapsedTime(_opened).TotalSeconds);

    /// <summary>Returns one instance for all equal fingerprints: with many workers, comparing field by field for every plan would take most of the
    /// time.</summary>
    private IReadOnlyDictionary<string, string> Shared(IReadOnlyDictionary<string, string> fingerprint)
    {
        if (_fingerprints.Find(known => FingerprintMismatch.AreEqual(known, fingerprint)) is { } shared) return shared;
        _fingerprints.Add(fingerprint);
        return fingerprint;
    }

    private IEnumerable<Entry> Sealed(GenerationPlan plan) => _entries.Values.Where(entry =>
        entry.Report is { Phase: WorkerPhase.Sealed } report && report.Generation == plan.Number && report.Nonce == plan.Nonce);

    private bool IsLost(string worker, ulong incarnation)
    {
        if (!_entries.TryGetValue(worker, out Entry? entry)) return time.GetElapsedTime(_opened) >= SilenceLimit;
        if (entry.Report.Info.Incarnation != incarnation) return true;
        if (time.GetElapsedTime(entry.Received) >= SilenceLimit) return true;
        // A peer named it lost, and it has not shown that it is alive in the time that a report takes, or had missed several reports before.
        return entry.NamedLost is { } named && (time.GetElapsedTime(named) >= SealingLimit || time.GetElapsedTime(entry.Received) >= HearingLimit)
            && !_entries.Values.Any(other => Hears(other, entry));
    }

    /// <summary>Returns whether a member hears another one and can be believed. It is still training, and its report is recent. If a peer named it lost
    /// too, it must not hear that peer: the two are then cut off from each other.</summary>
    private bool Hears(Entry other, Entry entry)
    {
        (MemberReport report, string worker) = (other.Report, entry.Report.Info.Worker);
        return report.Info.Worker != worker && IsTraining(report) && report.Nonce == entry.Report.Nonce && time.GetElapsedTime(other.Received) < HearingLimit
            && !report.Silent.Contains(worker) && !report.Lost.Contains(worker)
            && (other.NamedLost is null || report.Silent.Intersect(_entries.Values.Where(one => Names(one.Report, report)).Select(one => one.Report.Info.Worker)).Any());
    }

    private static bool Names(MemberReport namer, MemberReport named) =>
        namer.Phase is WorkerPhase.Sealed && namer.Nonce == named.Nonce && namer.Lost.Contains(named.Info.Worker);

    /// <summary>Returns the workers that cannot be members together with the ones that are kept. A worker's silent peers count from the moment that it
    /// seals its generation until it follows another one: before that, the silence may be a pause that ends; afterwards, the worker has shown that it
    /// reaches the members.</summary>
    private static IReadOnlySet<string> CutOff(RunRecord record, Dictionary<string, ulong> members, IReadOnlyList<MemberReport> present)
    {
        (string, string)[] silent = [.. from report in present
                                        where report.Phase is WorkerPhase.Sealed
                                        from other in report.Silent
                                        select (report.Info.Worker, other)];
        if (silent.Length == 0) return new HashSet<string>();
        string[] ranks = [.. record.Plan?.Members.Select(member => member.Worker) ?? []];
        string[] holders = [.. present.Where(report => HasState(members, report)).Select(report => report.Info.Worker)];
        return NetworkSplit.LeftBehind([.. ranks.Intersect(holders), .. holders.Except(ranks)], silent);
    }

    /// <summary>Returns whether a worker holds the run's state: a member, a follower, or a former member, even if it does not know yet that its
    /// generation has ended.</summary>
    private static bool HasState(Dictionary<string, ulong> members, MemberReport report) =>
        report.Phase is WorkerPhase.Following or WorkerPhase.Sealed || IsTraining(report) && report.Phase is not WorkerPhase.Aligning
        || report is { Phase: WorkerPhase.Ready, Step: > 0 }
        || members.TryGetValue(report.Info.Worker, out ulong incarnation) && incarnation == report.Info.Incarnation;

    /// <summary>Returns whether a worker is connected to the members of its generation and has not sealed it.</summary>
    private static bool IsTraining(MemberReport report) => report.Phase is WorkerPhase.Aligning or WorkerPhase.Computing or WorkerPhase.Reducing
        or WorkerPhase.Applying or WorkerPhase.Evaluating or WorkerPhase.Saving;

    /// <summary>Returns whether a worker can begin without the run's state. A learner can, once all workers that it could learn from are lost.</summary>
    private static bool HasPrepared(MemberReport report) => report.Phase is WorkerPhase.Ready or WorkerPhase.Learning;

    private sealed record Entry(MemberReport Report, long Received, long PhaseSince, long Arrival, long? NamedLost = null);
}
