using Microsoft.Extensions.Time.Testing;
using Spikeformer.Metrics;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Metrics;

public sealed class SeriesStoreTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly string _run = $"run-{Guid.NewGuid():N}";
    private readonly SeriesStore _store;
    private readonly ExportedSeries _exported;
    private readonly SeriesGroup _group;

    public SeriesStoreTests()
    {
        (_store, _exported) = (new(_time), new("run", _run));
        _group = _store.OfRun(_run);
    }

    public void Dispose()
    {
        _exported.Dispose();
        _store.Dispose();
    }

    [Fact]
    public void A_group_is_exported_from_its_beginning_with_its_labels_first()
    {
        _group.Add(Catalogue.Steps, 2);
        _group.Add(Catalogue.Steps, 3);
        _group.Set(Catalogue.Accuracy, 0.25, "test", "5");
        _group.Set(Catalogue.Accuracy, 0.5, "test", "5");
        Assert.Empty(_exported.Now());
        _group.Begin();
        Assert.Equal(
            new Dictionary<string, double> { [$"spikeformer.steps run={_run}"] = 5, [$"spikeformer.accuracy.ratio run={_run} split=test k=5"] = 0.5 },
            _exported.Now());
    }

    [Fact]
    public void Gauges_end_at_once_and_counters_after_the_grace()
    {
        _group.Begin();
        _group.Add(Catalogue.Steps, 1);
        _group.Set(Catalogue.Step, 1);
        _group.End();
        _time.Advance(SeriesStore.Grace - TimeSpan.FromTicks(1));
        Assert.Equal([$"spikeformer.steps run={_run}"], _exported.Now().Keys);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Empty(_exported.Now());
    }

    [Fact]
    public void Gauges_that_are_kept_end_with_the_counters()
    {
        _group.Begin();
        _group.Set(Catalogue.Step, 1);
        _group.End(keepsGauges: true);
        _group.End(keepsGauges: true);
        _time.Advance(SeriesStore.Grace - TimeSpan.FromTicks(1));
        Assert.Equal([$"spikeformer.step run={_run}"], _exported.Now().Keys);
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Empty(_exported.Now());
    }

    [Fact]
    public void Counters_never_decrease_however_long_the_group_had_ended()
    {
        _group.Begin();
        _group.Add(Catalogue.Steps, 7);
        _group.End();
        _time.Advance(2 * SeriesStore.Grace);
        Assert.Empty(_exported.Now());
        _store.OfRun(_run).Begin();
        _store.OfRun(_run).Add(Catalogue.Steps, 1);
        _time.Advance(2 * SeriesStore.Grace);
        Assert.Equal(8, _exported.Now()[$"spikeformer.steps run={_run}"]);
    }

    [Fact]
    public void Histograms_end_with_their_group_and_restart()
    {
        _group.Begin();
        _group.Record(Catalogue.RecoveryDuration, 0.5);
        _group.End();
        _ = _exported.Now();
        Assert.Empty(_exported.Ended);
        _time.Advance(SeriesStore.Grace);
        _ = _exported.Now();
        Assert.Equal([$"spikeformer.recovery.duration run={_run}"], _exported.Ended);
        _group.Begin();
        _group.Record(Catalogue.RecoveryDuration, 1.5);
        Assert.Equal([0.5, 1.5], _exported.Measured($"spikeformer.recovery.duration run={_run}"));
    }

    [Fact]
    public void A_gauge_can_be_removed()
    {
        _group.Begin();
        _group.Set(Catalogue.HeartbeatAge, 1, "a/0");
        _group.Set(Catalogue.HeartbeatAge, 2, "a/1");
        _group.Clear(Catalogue.HeartbeatAge, "a/0");
        Assert.Equal([$"spikeformer.heartbeat_age run={_run} worker=a/1"], _exported.Now().Keys);
        _group.Clear(Catalogue.HeartbeatAge);
        Assert.Empty(_exported.Now());
    }

    [Fact]
    public void Only_the_most_recently_ended_groups_are_remembered()
    {
        _group.Begin();
        _group.Add(Catalogue.Steps, 7);
        _group.End();
        _time.Advance(SeriesStore.Grace);
        _ = _exported.Now();
        for (int i = 0; i < 256; i++)
        {
            SeriesGroup other = _store.OfRun($"{_run}-{i}");
            other.Begin();
            other.End();
        }
        _time.Advance(SeriesStore.Grace);
        _ = _exported.Now();
        _store.OfRun(_run).Begin();
        Assert.Empty(_exported.Now());
    }

    [Fact]
    public void A_value_of_another_kind_or_with_other_labels_throws()
    {
        Assert.Throws<ArgumentException>(() => _group.Set(Catalogue.Steps, 1));
        Assert.Throws<ArgumentException>(() => _group.Add(Catalogue.Steps, 1, "x"));
        Assert.Throws<ArgumentException>(() => _group.Record(Catalogue.Step, 1));
    }
}
