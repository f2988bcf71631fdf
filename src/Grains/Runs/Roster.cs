using Spikeformer.Contracts;

namespace Spikeformer.Runs;

/// <summary>
/// What a run knows of its workers from their reports. Nothing in here is stored: after a crash of the coordinator the workers report again.
/// </summary>
/// <param name="time">Monotonic clock.</param>
public sealed class Roster(TimeProvider time)
{
    private readonly Dictionary<string, Entry> _entries = [];
    private readonly List<IReadOnlyDictionary<string, string>> _fingerprints = [];
    private readonly long _opened = time.GetTimestamp();
    private long _arrivals;

    /// <summary>A voter that says nothing for this long is lost. Its peers usually notice sooner.</summary>
    public static TimeSpan SilenceLimit => TimeSpan.FromSeconds(5);

    /// <summary>How long members of a broken generation may take to report before it is planned without them.</summary>
    public static TimeSpan SealingLimit => TimeSpan.FromMilliseconds(150);

    /// <summary>How long a report says whom its worker hears.</summary>
    public static TimeSpan HearingLimit => TimeSpan.FromSeconds(1);

    /// <summary>Takes a report in.</summary>
    /// <returns>False when it was taken in before: then it changes nothing.</returns>
    public bool Accept(MemberReport report) => Accept(report, out _);

    /// <summary>Takes a report in.</summary>
    /// <param name="report">The report.</param>
    /// <param name="mattersAtOnce">Whether it may call for another generation: somebody is able to vote now, was restarted, wants to leave, or lost a peer.</param>
    /// <returns>False when it was taken in before: then it changes nothing.</returns>
    public bool Accept(MemberReport report, out bool mattersAtOnce)
    {
        mattersAtOnce = false;
        string worker = report.Info.Worker;
        bool isKnown = _entries.TryGetValue(worker, out Entry? old) && old.Report.Info.Incarnation == report.Info.Incarnation;
        if (isKnown && report.Sequence <= old!.Report.Sequence) return false;
        report = report with { Fingerprint = isKnown && report.Fingerprint.Count == 0 ? old!.Report.Fingerprint : Shared(report.Fingerprint) };
        long now = time.GetTimestamp();
        bool goesOn = isKnown && (old!.Report.Phase, old.Report.Step, old.Report.Nonce) == (report.Phase, report.Step, report.Nonce);
        // One that lives on and is stuck says the same again and again; whoever was named by mistake has sealed its generation, and says so.
        bool speaksUp = !goesOn || report.Phase is WorkerPhase.Sealed;
        _entries[worker] = new(report, Received: now, PhaseSince: goesOn ? old!.PhaseSince : now, isKnown ? old!.Arrival : _arrivals++, speaksUp ? null : old!.NamedLost);
        // Said again, or by another, it gives the lost one no more time; and once that one has spoken up, only news can name it again.
        bool saysAgain = isKnown && old!.Report.Phase is WorkerPhase.Sealed && old.Report.Lost.SequenceEqual(report.Lost);
        if (report.Phase is WorkerPhase.Sealed && !saysAgain)
            foreach (string lost in report.Lost)
                if (_entries.TryGetValue(lost, out Entry? entry)) _entries[lost] = entry with { NamedLost = entry.NamedLost ?? now };
        bool isUrgent = report.Phase is WorkerPhase.Ready or WorkerPhase.Following or WorkerPhase.Sealed && old?.Report.Phase != report.Phase;
        mattersAtOnce = isUrgent || old is not null && (!isKnown || report.WantsToLeave != old.Report.WantsToLeave);
        return true;
    }

    /// <summary>Forgets a worker that is done with the run.</summary>
    public void Remove(string worker) => _entries.Remove(worker);

    /// <summary>The last report of a worker, or null.</summary>
    public MemberReport? ReportOf(string worker) => _entries.GetValueOrDefault(worker)?.Report;

    /// <summary>All workers that serve the run and are not lost, in the order they came.</summary>
    public IReadOnlyList<MemberReport> Reports => [.. from entry in _entries.Values
                                                     orderby entry.Arrival
                                                     let report = entry.Report
                                                     where !IsLost(report.Info.Worker, report.Info.Incarnation)
                                                     select report];

    /// <summary>How many workers the run can count on: those at hand that do not leave, and members that have not reported yet to this coordinator.</summary>
    /// <param name="record">The run.</param>
    public int Serving(RunRecord record) => Candidates(record).Count(candidate => !candidate.WantsToLeave)
        + (record.Plan?.Members.Count(member => !_entries.ContainsKey(member.Worker) && !IsLost(member.Worker, member.Incarnation)) ?? 0);

    /// <summary>The workers that the next generation can be made of: those that hold the run's state first, since one of them must keep the run
    /// directory, each group in the order they came.</summary>
    /// <param name="record">The run.</param>
    public IReadOnlyList<Candidate> Candidates(RunRecord record)
    {
        var members = (record.Plan?.Members ?? []).ToDictionary(member => member.Worker, member => member.Incarnation);
        MemberReport[] present = [.. from entry in _entries.Values
                                     let report = entry.Report
                                     where report.Failure is null && !IsLost(report.Info.Worker, report.Info.Incarnation)
                                     orderby HasState(members, report) descending, entry.Arrival
                                     select report];
        IReadOnlySet<string> cutOff = CutOff(record, members, present);
        // Nobody waits for a newcomer while others train: it follows first. Where nobody trains, it takes the state over when the members align.
        bool mayBegin = record.Plan is null || !present.Any(report => HasState(members, report));
        bool CanVote(MemberReport report) => !cutOff.Contains(report.Info.Worker) && (HasState(members, report) || mayBegin && HasPrepared(report));
        // The first who can vote sets the numerics, already of the first generation.
        var common = record.Fingerprint is { } set ? Shared(set) : present.FirstOrDefault(CanVote)?.Fingerprint;
        return [.. from report in present
                   where common is null || report.Fingerprint.Count == 0 || report.Fingerprint == common
                   select new Candidate(report.Info, report.Capacity, CanVote(report), report.WantsToLeave, report.SecondsPerShard)];
    }

    /// <summary>Whether the present generation can commit nothing more.</summary>
    public bool IsBroken(GenerationPlan? plan) => plan is not null
        && (plan.Members.Any(member => IsLost(member.Worker, member.Incarnation)) || Sealed(plan).Any());

    /// <summary>Whether enough is known to plan: a broken generation's members have all reported that they sealed it, or had their time; those of a
    /// sound one have all reported since this coordinator began. Otherwise the first to report would be planned without the others.</summary>
    public bool IsSettled(GenerationPlan? plan)
    {
        if (plan is null) return true;
        Dictionary<string, Entry> sealers = Sealed(plan).ToDictionary(entry => entry.Report.Info.Worker);
        return sealers.Count == 0
            ? plan.Members.All(member => _entries.ContainsKey(member.Worker) || IsLost(member.Worker, member.Incarnation))
            : plan.Members.All(member => sealers.ContainsKey(member.Worker) || IsLost(member.Worker, member.Incarnation))
                || sealers.Values.Any(entry => time.GetElapsedTime(entry.PhaseSince) >= SealingLimit);
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

    /// <summary>The one instance of all equal fingerprints: with many workers, comparing field by field for every plan would take most of the time.</summary>
    private IReadOnlyDictionary<string, string> Shared(IReadOnlyDictionary<string, string> fingerprint)
    {
        if (_fingerprints.Find(known => Difference(known, fingerprint) is null) is { } shared) return shared;
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
        // Named lost by a peer, and nothing new from it for as long as a report takes, or for several reports by then.
        return entry.NamedLost is { } named && (time.GetElapsedTime(named) >= SealingLimit || time.GetElapsedTime(entry.Received) >= HearingLimit)
            && !_entries.Values.Any(other => Hears(other, entry));
    }

    /// <summary>Whether a member hears another and can be believed: its generation goes on for it, its word is new, and where it is itself named lost, it
    /// does not hear the one that named it, so that the two are cut off from each other.</summary>
    private bool Hears(Entry other, Entry entry)
    {
        (MemberReport report, string worker) = (other.Report, entry.Report.Info.Worker);
        return report.Info.Worker != worker && IsTraining(report) && report.Nonce == entry.Report.Nonce && time.GetElapsedTime(other.Received) < HearingLimit
            && !report.Silent.Contains(worker) && !report.Lost.Contains(worker)
            && (other.NamedLost is null || report.Silent.Intersect(_entries.Values.Where(one => Names(one.Report, report)).Select(one => one.Report.Info.Worker)).Any());
    }

    private static bool Names(MemberReport namer, MemberReport named) =>
        namer.Phase is WorkerPhase.Sealed && namer.Nonce == named.Nonce && namer.Lost.Contains(named.Info.Worker);

    /// <summary>Those who cannot be members together with others that are kept. What a worker does not hear counts from when it has sealed its generation
    /// until it follows another: before, a pause passes, and afterwards it has shown that it reaches the members.</summary>
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

    /// <summary>Whether a worker holds the run's state: a member, one that follows, and one that was a member, even where it has not heard yet that
    /// its generation is over.</summary>
    private static bool HasState(Dictionary<string, ulong> members, MemberReport report) =>
        report.Phase is WorkerPhase.Following or WorkerPhase.Sealed || IsTraining(report) && report.Phase is not WorkerPhase.Aligning
        || report is { Phase: WorkerPhase.Ready, Step: > 0 }
        || members.TryGetValue(report.Info.Worker, out ulong incarnation) && incarnation == report.Info.Incarnation;

    /// <summary>Whether a worker is connected with the members of its generation, which goes on for it.</summary>
    private static bool IsTraining(MemberReport report) => report.Phase is WorkerPhase.Aligning or WorkerPhase.Computing or WorkerPhase.Reducing
        or WorkerPhase.Applying or WorkerPhase.Evaluating or WorkerPhase.Saving;

    /// <summary>Whether a worker can begin without the run's state; a learner too, when all whom it could learn from are lost.</summary>
    private static bool HasPrepared(MemberReport report) => report.Phase is WorkerPhase.Ready or WorkerPhase.Learning;

    private sealed record Entry(MemberReport Report, long Received, long PhaseSince, long Arrival, long? NamedLost = null);
}
