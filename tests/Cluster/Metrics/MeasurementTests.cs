using Spikeformer.Metrics;
using Spikeformer.Silo.Metrics;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Metrics;

/// <summary>The way from the instruments of a worker through the page to the series of the silo, in one process.</summary>
public sealed class MeasurementTests : IDisposable
{
    private readonly SeriesStore _store = new(TimeProvider.System);
    private readonly string _worker = $"silo/{Guid.NewGuid():N}";
    private readonly ExportedSeries _exported;

    public MeasurementTests() => _exported = new("worker", _worker);

    public void Dispose()
    {
        _exported.Dispose();
        _store.Dispose();
    }

    [Fact]
    public void Measurements_of_a_worker_appear_at_its_silo_with_run_worker_and_device()
    {
        using MeasurementReader reader = Reader();
        using (var worker = new Worker(reader))
        {
            worker.Writer.Begin("a");
            Catalogue.CheckpointSize.Record(300);
            Catalogue.Rejected.Add(2, "WrongStep");
            Catalogue.Rejected.Add(3, "WrongStep");
            Catalogue.StepPhaseDuration.Record(0.25, "data");
            Catalogue.StepPhaseDuration.Record(0.5, "data");
            reader.Take();
        }
        Assert.Equal(300, Value("checkpoint.size", "run=a"));
        Assert.Equal(5, Value("collectives.rejected", "run=a", "cause=WrongStep"));
        Assert.Equal([0.25, 0.5], _exported.Measured($"spikeformer.step_phase.duration run=a worker={_worker} device=cpu:0 phase=data"));
        Assert.Equal((1, 1), (Value("worker.up"), Value("worker.starts")));
    }

    [Fact]
    public void Counters_continue_when_a_killed_worker_restarts_and_its_gauges_end_in_between()
    {
        using (MeasurementReader first = Reader())
        {
            var killed = new Worker(first);
            killed.Writer.Begin("a");
            Catalogue.LedgerGaps.Add(4);
            first.Take();
            // Measured after the silo last read the page, by a process that ends no series.
            Catalogue.LedgerGaps.Add(3);
            Catalogue.StepDuration.Record(2);
            Catalogue.TensorsLive.Record(17);
            killed.Dispose();
        }
        IReadOnlyDictionary<string, double> between = _exported.Now();
        Assert.Equal(7, between[Series("ledger_gaps", "run=a")]);
        Assert.DoesNotContain(between.Keys, series => series.Contains("tensors_live", StringComparison.Ordinal) || series.Contains("worker.up", StringComparison.Ordinal));

        using MeasurementReader second = Reader();
        using var worker = new Worker(second);
        worker.Writer.Begin("a");
        Catalogue.LedgerGaps.Add(1);
        Catalogue.StepDuration.Record(3);
        second.Take();
        second.Take();
        Assert.Equal((8, 2), (Value("ledger_gaps", "run=a"), Value("worker.starts")));
        Assert.Equal([2, 3], _exported.Measured(Series("step.duration", "run=a")));
    }

    [Fact]
    public void The_series_of_a_run_end_when_its_worker_leaves_and_the_next_run_has_its_own_series()
    {
        using MeasurementReader reader = Reader();
        using var worker = new Worker(reader);
        Catalogue.TensorsLive.Record(1);
        worker.Writer.Begin("a");
        Catalogue.TensorsLive.Record(2);
        Catalogue.LedgerGaps.Add(1);
        reader.Take();
        Assert.Equal(2, Value("tensors_live", "run=a"));
        worker.Writer.Begin("b");
        Catalogue.TensorsLive.Record(3);
        reader.Take();
        IReadOnlyDictionary<string, double> now = _exported.Now();
        Assert.Equal(3, now[Series("tensors_live", "run=b")]);
        Assert.Equal(1, now[Series("ledger_gaps", "run=a")]);
        Assert.DoesNotContain(Series("tensors_live", "run=a"), now.Keys);
    }

    [Fact]
    public void A_worker_can_serve_more_runs_in_turn_than_the_page_holds_at_once()
    {
        using MeasurementReader reader = Reader();
        using var worker = new Worker(reader);
        for (int i = 0; i < 2 * MeasurementPage.Slots; i++)
        {
            worker.Writer.Begin($"run-{i}");
            Catalogue.LedgerGaps.Add(1);
            reader.Take();
        }
        Assert.Equal(1, Value("ledger_gaps", $"run=run-{2 * MeasurementPage.Slots - 1}"));
    }

    [Fact]
    public void Measurements_that_the_silo_reads_too_late_are_counted_as_lost()
    {
        using MeasurementReader reader = Reader();
        using var worker = new Worker(reader);
        worker.Writer.Begin("a");
        reader.Take();
        for (int i = 0; i < MeasurementPage.RingLength + 10; i++) Catalogue.StepDuration.Record(i);
        reader.Take();
        double lost = Value("measurements_lost");
        Assert.Equal(MeasurementPage.RingLength + 10 - lost, _exported.Measured(Series("step.duration", "run=a")).Count);
        Assert.Equal(MeasurementPage.RingLength + 9, _exported.Measured(Series("step.duration", "run=a"))[^1]);
        Assert.Equal(11, lost);
    }

    [Fact]
    public void The_page_leaves_no_file_behind()
    {
        string path;
        using (MeasurementReader reader = Reader())
        {
            path = reader.Path;
            Assert.True(File.Exists(path));
            using var worker = new Worker(reader);
            Assert.False(File.Exists(path));
        }
        using (MeasurementReader unused = Reader()) path = unused.Path;
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_file_that_is_not_a_page_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["page"], "no page");
        Assert.Contains("7 bytes", Assert.Throws<IOException>(() => MeasurementPage.Open(folder["page"])).Message);
        Assert.True(File.Exists(folder["page"]));
    }

    private MeasurementReader Reader() => new(_store, _worker, "cpu:0", TimeProvider.System);

    private string Series(string name, string run, string label = "") => $"spikeformer.{name} {run}{(run == "" ? "" : " ")}worker={_worker} device=cpu:0{(label == "" ? "" : " ")}{label}";

    private double Value(string name, string run = "", string label = "") => _exported.Now()[Series(name, run, label)];

    /// <summary>The side of a worker process.</summary>
    private sealed class Worker : IDisposable
    {
        private readonly MeasurementPage _page;

        public Worker(MeasurementReader silo)
        {
            _page = MeasurementPage.Open(silo.Path);
            Writer = new(_page);
        }

        public MeasurementWriter Writer { get; }

        public void Dispose()
        {
            Writer.Dispose();
            _page.Dispose();
        }
    }
}
