using static Spikeformer.Metrics.MetricKind;
using static Spikeformer.Metrics.MetricScope;

namespace Spikeformer.Metrics;

/// <summary>All metrics of our own. <c>docs/metrics.md</c> is the same list for people; a test keeps both equal.</summary>
internal static class Catalogue
{
    private static readonly List<Metric> s_all = [];
    private static readonly double[] s_stepBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
    private static readonly double[] s_waitBounds = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

    /// <summary>All of them, in the order of the page.</summary>
    public static IReadOnlyList<Metric> All => s_all;

    // A run, as its coordinator sees it.

    public static readonly Metric RunInfo = Define(Run, Gauge, "spikeformer.run.info", null, "Always 1; what the run is.", ["preset", "model", "dataset", "version"]);
    public static readonly Metric RunState = Define(Run, Gauge, "spikeformer.run.state", null, "1 for the state that the run is in, 0 for all others.", ["state"]);
    public static readonly Metric Steps = Define(Run, Counter, "spikeformer.steps", "{step}", "Committed steps; one that is computed again after a rewind counts once.");
    public static readonly Metric Samples = Define(Run, Counter, "spikeformer.samples", "{sample}", "Samples of the committed steps.");
    public static readonly Metric Step = Define(Run, Gauge, "spikeformer.step", null, "Position: committed steps of the run, which a rewind sets back.");
    public static readonly Metric TargetStep = Define(Run, Gauge, "spikeformer.target.step", null, "Steps of the whole run.");
    public static readonly Metric Epoch = Define(Run, Gauge, "spikeformer.epoch", null, "Epoch of the last committed step, from 0.");
    public static readonly Metric Loss = Define(Run, Gauge, "spikeformer.loss", null, "Mean loss: of the last step in training, of the last evaluation in the test.", ["split"]);
    public static readonly Metric Accuracy = Define(Run, Gauge, "spikeformer.accuracy.ratio", null, "Share of samples whose label was among the k largest logits, of the same samples as the loss.", ["split", "k"]);
    public static readonly Metric LearningRate = Define(Run, Gauge, "spikeformer.learning_rate", null, "Learning rate of the last step.");
    public static readonly Metric NonFiniteSteps = Define(Run, Counter, "spikeformer.nonfinite_steps", "{step}", "Committed steps whose update was skipped for a gradient that was not finite.");
    public static readonly Metric WorldSize = Define(Run, Gauge, "spikeformer.world_size", null, "Voters of the newest generation.");
    public static readonly Metric WorldSizeMin = Define(Run, Gauge, "spikeformer.world_size.min", null, "With fewer voters the run waits.");
    public static readonly Metric WorldSizeMax = Define(Run, Gauge, "spikeformer.world_size.max", null, "Voters that the run wants: as asked for, else one for each shard.");
    public static readonly Metric Learners = Define(Run, Gauge, "spikeformer.learners", null, "Workers that serve the run without owning shards.");
    public static readonly Metric Generation = Define(Run, Gauge, "spikeformer.generation", null, "Number of the newest generation.");
    public static readonly Metric RankStepDuration = Define(Run, Gauge, "spikeformer.rank_step.duration", "s", "A voter's own time for its shards of a step, waiting left out: the median of its last steps.", ["rank", "worker"]);
    public static readonly Metric HeartbeatAge = Define(Run, Gauge, "spikeformer.heartbeat_age", "s", "Time since a worker's last report to the run.", ["worker"]);
    public static readonly Metric Recoveries = Define(Run, Counter, "spikeformer.recoveries", "{recovery}", "Times that the generation ended by a loss: of a rank, or of trust in the bits (checksum). A planned change is none.", ["reason"]);
    public static readonly Metric RecoveryDuration = Define(Run, Histogram, "spikeformer.recovery.duration", "s", "From the loss to the next committed step.", bounds: s_waitBounds);
    public static readonly Metric LostSteps = Define(Run, Counter, "spikeformer.lost_steps", "{step}", "Committed steps that were computed again after a rewind.");
    public static readonly Metric LostTime = Define(Run, Counter, "spikeformer.lost_time", "s", "Time in which the run made no progress, by cause: starting, waiting for workers, recovery, redone work.", ["cause"]);
    public static readonly Metric TrainingTime = Define(Run, Counter, "spikeformer.training_time", "s", "Time in which the run made progress, evaluations and saves included.");
    public static readonly Metric Goodput = Define(Run, Gauge, "spikeformer.goodput.ratio", null, "Training time over training and lost time, since the run's last start.");
    public static readonly Metric CheckpointTime = Define(Run, Gauge, "spikeformer.checkpoint.last_success.timestamp", "s", "When the last checkpoint was safe, in seconds since 1970.");
    public static readonly Metric CheckpointFailures = Define(Run, Counter, "spikeformer.checkpoint.failures", "{checkpoint}", "Checkpoints that could not be saved.", ["reason"]);

    // A worker, measured in its process.

    public static readonly Metric StepDuration = Define(Worker, Histogram, "spikeformer.step.duration", "s", "A whole step, evaluations and saves left out.", bounds: s_stepBounds);
    public static readonly Metric StepPhaseDuration = Define(Worker, Histogram, "spikeformer.step_phase.duration", "s", "Its parts: data, compute (forward and backward), all_reduce, optimizer, rest; and boundary, the evaluations and saves between steps.", ["phase"], s_stepBounds);
    public static readonly Metric AllReduceBytes = Define(Worker, Counter, "spikeformer.all_reduce", "By", "Bytes of the data plane between voters.", ["direction"]);
    public static readonly Metric Rejected = Define(Worker, Counter, "spikeformer.collectives.rejected", "{rejection}", "Frames and connections refused, by cause; those of a zombie are WrongRun, WrongGeneration, WrongIncarnation and WrongStep.", ["cause"]);
    public static readonly Metric LedgerGaps = Define(Worker, Counter, "spikeformer.ledger_gaps", "{step}", "Steps that did not hold exactly the samples that were due: must stay 0.");
    public static readonly Metric DigestMismatches = Define(Worker, Counter, "spikeformer.parameter_digest_mismatches", "{mismatch}", "Times that voters were found to hold different bits: must stay 0.");
    public static readonly Metric CheckpointDuration = Define(Worker, Histogram, "spikeformer.checkpoint.duration", "s", "Parts of a save: snapshot (training waits), write (in the background, with verification and commit).", ["phase"], s_stepBounds);
    public static readonly Metric CheckpointSize = Define(Worker, Gauge, "spikeformer.checkpoint.size", "By", "Bytes of the last checkpoint's tensors.");
    public static readonly Metric CheckpointStep = Define(Worker, Gauge, "spikeformer.checkpoint.last_step", null, "Committed steps in the last checkpoint that this worker saved.");
    public static readonly Metric MemoryUsed = Define(Worker, Gauge, "spikeformer.device_memory.used", "By", "Memory in use; of a CPU device the resident memory of the worker's process.");
    public static readonly Metric MemoryTotal = Define(Worker, Gauge, "spikeformer.device_memory.total", "By", "Memory that there is; of a CPU device what the machine or its container allows.");
    public static readonly Metric TensorsLive = Define(Worker, Gauge, "spikeformer.tensors_live", null, "TorchSharp tensors that are not disposed; steady growth is a leak.");
    public static readonly Metric ControlCalls = Define(Worker, Counter, "spikeformer.control_calls", "{call}", "Grain calls of the worker's process.");
    public static readonly Metric ControlBytes = Define(Worker, Counter, "spikeformer.control", "By", "Bytes of its messages to and from the cluster.");

    // A worker, seen from its silo.

    public static readonly Metric WorkerUp = Define(Device, Gauge, "spikeformer.worker.up", null, "1 while the worker's process lives; the series ends with it.");
    public static readonly Metric WorkerStarts = Define(Device, Counter, "spikeformer.worker.starts", "{start}", "Processes that were started for the device.");
    public static readonly Metric MeasurementsLost = Define(Device, Counter, "spikeformer.measurements_lost", "{measurement}", "Measurements of histograms that came faster than the silo took them.");

    // A silo.

    public static readonly Metric TlsRefused = Define(Silo, Counter, "spikeformer.tls.refused", "{connection}", "Connections between silos and at the gateway that TLS refused, by cause; missing without TLS.", ["cause"]);

    private static Metric Define(
        MetricScope scope, MetricKind kind, string name, string? unit, string meaning, string[]? labels = null, double[]? bounds = null)
    {
        var metric = new Metric(scope, kind, name, unit, meaning, labels ?? [], bounds);
        s_all.Add(metric);
        return metric;
    }
}
