namespace Spikeformer.Silo.Worker.Session;

/// <summary>A worker's next report to its run. What it tells stays in it until the run has answered. Not for several threads at once.</summary>
internal sealed class ReportDraft(WorkerInfo info)
{
    private const int TimedSteps = 9;
    private static readonly IReadOnlyDictionary<string, string> s_noFingerprint = new Dictionary<string, string>();

    private readonly Queue<double> _secondsPerShard = [];
    private bool _isFingerprintKnown;

    /// <summary>All that is told as it stands, rather than once.</summary>
    public MemberReport Current { get; set; } = new() { Info = info, Sequence = 0, Phase = WorkerPhase.Preparing };

    /// <summary>Names the workers without a sign of life when the report is composed.</summary>
    public Func<IReadOnlyList<string>> Silent { get; set; } = () => [];

    public List<StepCommit> Commits { get; } = [];

    public List<EpochResult> Epochs { get; } = [];

    public List<ClusterEvent> Events { get; } = [];

    public void Join(GenerationPlan plan)
    {
        Current = Current with { Generation = plan.Number, Nonce = plan.Nonce, Phase = WorkerPhase.Connecting, Lost = [] };
        Silent = () => [];
        _secondsPerShard.Clear();
    }

    /// <summary>Takes in how long a step computed on a shard.</summary>
    public void Time(double secondsPerShard)
    {
        _secondsPerShard.Enqueue(secondsPerShard);
        if (_secondsPerShard.Count > TimedSteps) _secondsPerShard.Dequeue();
    }

    /// <summary>The report as it is now, with a new number.</summary>
    public MemberReport Compose(GenerationPlan? known)
    {
        Current = Current with { Sequence = Current.Sequence + 1 };
        return Current with
        {
            Fingerprint = _isFingerprintKnown ? s_noFingerprint : Current.Fingerprint,
            Silent = Silent(),
            Commits = Commits.ToArray(),
            Epochs = Epochs.ToArray(),
            Events = Events.ToArray(),
            // A median: neither the first steps of a process nor a single slow one say how fast it is.
            SecondsPerShard = _secondsPerShard.Count < TimedSteps ? 0 : _secondsPerShard.Order().ElementAt(TimedSteps / 2),
            Known = known?.Nonce ?? default,
        };
    }

    /// <summary>Drops what the run has taken in with a report.</summary>
    public void Answered(MemberReport report, MemberOrder order)
    {
        Commits.RemoveRange(0, report.Commits.Count);
        Epochs.RemoveRange(0, report.Epochs.Count);
        Events.RemoveRange(0, report.Events.Count);
        _isFingerprintKnown = order.IsFingerprintKnown;
    }
}
