using static Spikeformer.Metrics.MetricKind;
using static Spikeformer.Metrics.MetricScope;

namespace Spikeformer.Metrics;

/// <summary>All metrics of Spikeformer. <c>docs/metrics.md</c> documents the same list; a test keeps both equal.</summary>
internal static class Catalogue
{
    private static readonly List<Metric> s_all = [];
    private static readonly double[] s_stepBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
    private static readonly double[] s_waitBounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

    /// <summary>All metrics, in the order of the documentation.</summary>
    public static IReadOnlyList<Metric> All => s_all;

    // Metrics of a run, measured by its coordinator.

    public static readonly Metric RunInfo = Define(Run, Gauge, "spikeformer.run.info", null, "Always 1; the labels describe the run.", ["preset", "model", "dataset", "version"]);
    public static readonly Metric RunState = Define(Run, Gauge, "spikeformer.run.state", null, "1 for the current state of the run, 0 for all others.", ["state"]);
    public static readonly Metric Steps = Define(Run, Counter, "spikeformer.steps", "{step}", "Committed steps. A step that is recomputed after a rewind counts once.");
    public static readonly Metric Samples = Define(Run, Counter, "spikeformer.samples", "{sample}", "Samples of the committed steps.");
    public static readonly Metric Step = Define(Run, Gauge, "spikeformer.step", null, "Position of the run: its committed steps. A rewind decreases it.");
    public static readonly Metric TargetStep = Define(Run, Gauge, "spikeformer.target.step", null, "Number of steps of the whole run.");
    public static readonly Metric Epoch = Define(Run, Gauge, "spikeformer.epoch", null, "Epoch of the last committed step, from 0.");
    public static readonly Metric Loss = Define(Run, Gauge, "spikeformer.loss", null, "Mean loss: of the last step (split train) or of the last evaluation (split test).", ["split"]);
    public static readonly Metric Accuracy = Define(Run, Gauge, "spikeformer.accuracy.ratio", null, "Share of samples whose label was among the k largest logits, over the same samples as the loss.", ["split", "k"]);
    public static readonly Metric LearningRate = Define(Run, Gauge, "spikeformer.learning_rate", null, "Learning rate of the last step.");
    public static readonly Metric NonFiniteSteps = Define(Run, Counter, "spikeformer.nonfinite_steps", "{step}", "Committed steps whose update was skipped because a gradient was not finite.");
    public static readonly Metric WorldSize = Define(Run, Gauge, "spikeformer.world_size", null, "Number of voters of the newest generation.");
    public static readonly Metric WorldSizeMin = Define(Run, Gauge, "spikeformer.world_size.min", null, "Minimum number of voters; with fewer, the run waits.");
    public static readonly Metric WorldSizeMax = Define(Run, Gauge, "spikeformer.world_size.max", null, "Number of voters that the run aims for: the requested number of workers, or one for each shard.");
    public static readonly Metric Learners = Define(Run, Gauge, "spikeformer.learners", null, "Number of workers that serve the run without owning shards.");
    public static readonly Metric Generation = Define(Run, Gauge, "spikeformer.generation", null, "Number of the newest generation.");
    public static readonly Metric RankStepDuration = Define(Run, Gauge, "spikeformer.rank_step.duration", "s", "Time that a voter computes its shards of a step, without waiting: the median of its last steps.", ["rank", "worker"]);
    public static readonly Metric HeartbeatAge = Define(Run, Gauge, "spikeformer.heartbeat_age", "s", "Time since a worker's last report to the run.", ["worker"]);
    public static readonly Metric Recoveries = Define(Run, Counter, "spikeformer.recoveries", "{recovery}", "Generations that ended because a worker was lost or because digests differed (checksum). Planned changes do not count.", ["reason"]);
    public static readonly Metric RecoveryDuration = Define(Run, Histogram, "spikeformer.recovery.duration", "s", "Time from the loss to the next committed step.", bounds: s_waitBounds);
    public static readonly Metric LostSteps = Define(Run, Counter, "spikeformer.lost_steps", "{step}", "Committed steps that were recomputed after a rewind.");
    public static readonly Metric LostTime = Define(Run, Counter, "spikeformer.lost_time", "s", "Time without progress, by cause: starting, waiting for workers, recovery, recomputed work.", ["cause"]);
    public static readonly Metric TrainingTime = Define(Run, Counter, "spikeformer.training_time", "s", "Time with progress, including evaluations and saves.");
    public static readonly Metric Goodput = Define(Run, Gauge, "spikeformer.goodput.ratio", null, "Training time divided by the sum of training and lost time, since the last start of the run.");
    public static readonly Metric CheckpointTime = Define(Run, Gauge, "spikeformer.checkpoint.last_success.timestamp", "s", "Time when the last checkpoint was safe, in seconds since 1970.");
    public static readonly Metric CheckpointFailures = Define(Run, Counter, "spikeformer.checkpoint.failures", "{checkpoint}", "Checkpoints that could not be saved.", ["reason"]);

    // Metrics of a worker, measured in its process.

    public static readonly Metric StepDuration = Define(Worker, Histogram, "spikeformer.step.duration", "s", "Duration of a whole step, without evaluations and saves.", bounds: s_stepBounds);
    public static readonly Metric StepPhaseDuration = Define(Worker, Histogram, "spikeformer.step_phase.duration", "s", "Duration of each part of a step: data, compute (forward and backward), all_reduce, optimizer, rest; and boundary, the evaluations and saves between steps.", ["phase"], s_stepBounds);
    public static readonly Metric AllReduceBytes = Define(Worker, Counter, "spikeformer.all_reduce", "By", "Bytes sent and received on the data plane between voters.", ["direction"]);
    public static readonly Metric Rejected = Define(Worker, Counter, "spikeformer.collectives.rejected", "{rejection}", "Refused frames and connections, by cause. The causes WrongRun, WrongGeneration, WrongIncarnation and WrongStep point to a zombie.", ["cause"]);
    public static readonly Metric LedgerGaps = Define(Worker, Counter, "spikeformer.ledger_gaps", "{step}", "Steps whose samples were not exactly the expected ones. It must stay 0.");
    public static readonly Metric DigestMismatches = Define(Worker, Counter, "spikeformer.parameter_digest_mismatches", "{mismatch}", "Comparisons in which voters had different bits. It must stay 0.");
    public static readonly Metric CheckpointDuration = Define(Worker, Histogram, "spikeformer.checkpoint.duration", "s", "Duration of each part of a save: snapshot (training waits) and write (in the background, including verification and commit).", ["phase"], s_stepBounds);
    public static readonly Metric CheckpointSize = Define(Worker, Gauge, "spikeformer.checkpoint.size", "By", "Size of the last checkpoint's tensors.");
    public static readonly Metric CheckpointStep = Define(Worker, Gauge, "spikeformer.checkpoint.last_step", null, "Committed steps of the last checkpoint that this worker saved.");
    public static readonly Metric MemoryUsed = Define(Worker, Gauge, "spikeformer.device_memory.used", "By", "Memory in use. For a CPU device, the resident memory of the worker's process.");
    public static readonly Metric MemoryTotal = Define(Worker, Gauge, "spikeformer.device_memory.total", "By", "Total memory. For a CPU device, the limit of the machine or of its container.");
    public static readonly Metric TensorsLive = Define(Worker, Gauge, "spikeformer.tensors_live", null, "TorchSharp tensors that are not disposed. Steady growth is a leak.");
    public static readonly Metric ControlCalls = Define(Worker, Counter, "spikeformer.control_calls", "{call}", "Grain calls made by the worker's process.");
    public static readonly Metric ControlBytes = Define(Worker, Counter, "spikeformer.control", "By", "Bytes of the worker's messages to and from the cluster.");

    // Metrics of a worker, measured by its silo.

    public static readonly Metric WorkerUp = Define(Device, Gauge, "spikeformer.worker.up", null, "1 while the worker's process is alive. The series ends with the process.");
    public static readonly Metric WorkerStarts = Define(Device, Counter, "spikeformer.worker.starts", "{start}", "Worker processes started for the device.");
    public static readonly Metric MeasurementsLost = Define(Device, Counter, "spikeformer.measurements_lost", "{measurement}", "Histogram measurements lost because the worker made them faster than the silo read them.");

    // Metrics of a silo.

    public static readonly Metric TlsRefused = Define(Silo, Counter, "spikeformer.tls.refused", "{connection}", "Connections between silos and at the gateway that TLS refused, by cause. Absent without TLS.", ["cause"]);

    private static Metric Define(
        MetricScope scope, MetricKind kind, string name, string? unit, string meaning, string[]? labels = null, double[]? bounds = null)
    {
        var metric = new Metric(scope, kind, name, unit, meaning, labels ?? [], bounds);
        s_all.Add(metric);
        return metric;
    }
}
