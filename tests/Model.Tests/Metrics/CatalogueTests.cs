using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;
using Spikeformer.Metrics;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Metrics;

public sealed class CatalogueTests
{
    [Fact]
    public void The_documentation_lists_exactly_the_instruments()
    {
        var instruments = new Dictionary<string, Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name is SeriesStore.MeterName or Metric.WorkerMeterName) instruments.TryAdd(instrument.Name, instrument);
            },
        };
        listener.Start();
        using var store = new SeriesStore(new FakeTimeProvider());
        foreach (Metric metric in Catalogue.All.Where(metric => metric is { Kind: MetricKind.Histogram }))
            store.OfRun("page").Record(metric, 1, [.. metric.Labels.Select(_ => "x")]);

        string[] page = [.. File.ReadLines(Path.Combine(TestData.RepositoryRoot, "docs", "metrics.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal))];
        Assert.Equal(Catalogue.All.Select(metric => Row(metric, instruments[metric.Name])), page);
        Assert.Equal(Catalogue.All.Select(metric => metric.Name).Order(), instruments.Keys.Order());
    }

    [Fact]
    public void Names_are_those_of_Prometheus()
    {
        Assert.Equal("spikeformer_steps_total", Catalogue.Steps.PrometheusName);
        Assert.Equal("spikeformer_step_phase_duration_seconds", Catalogue.StepPhaseDuration.PrometheusName);
        Assert.Equal("spikeformer_checkpoint_last_success_timestamp_seconds", Catalogue.CheckpointTime.PrometheusName);
        Assert.Equal("spikeformer_all_reduce_bytes_total", Catalogue.AllReduceBytes.PrometheusName);
        Assert.Equal("spikeformer_accuracy_ratio", Catalogue.Accuracy.PrometheusName);
        Assert.Equal(Catalogue.All.Count, Catalogue.All.Select(metric => metric.PrometheusName).Distinct().Count());
        Assert.All(Catalogue.All, metric => Assert.Matches("^spikeformer_[a-z_]+$", metric.PrometheusName));
    }

    [Fact]
    public void Only_histograms_have_buckets_and_these_ascend()
    {
        Assert.All(Catalogue.All, metric => Assert.Equal(metric.Kind is MetricKind.Histogram, metric.Bounds.Count > 0));
        Assert.All(Catalogue.All, metric => Assert.Equal(metric.Bounds.Distinct().Order(), metric.Bounds));
    }

    private static string Row(Metric metric, Instrument instrument)
    {
        string type = instrument switch
        {
            ObservableCounter<double> or Counter<double> => "counter",
            ObservableGauge<double> or Gauge<double> => "gauge",
            Histogram<double> => "histogram",
            _ => instrument.GetType().Name,
        };
        string[] labels = metric.Scope switch
        {
            MetricScope.Run => ["run"],
            MetricScope.Worker => ["run", "worker", "device"],
            MetricScope.Device => ["worker", "device"],
            _ => [],
        };
        string unit = instrument.Unit is { Length: > 0 } given ? $" {given} " : " ";
        return $"| `{metric.PrometheusName}` | {type} |{unit}| {string.Join(", ", labels.Concat(metric.Labels))} | {instrument.Description} |";
    }
}
