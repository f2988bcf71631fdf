using Spikeformer.Client;
using Spikeformer.Contracts;
using Spikeformer.Metrics;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Cluster;

/// <summary>A worker is killed in the middle of a run, and the silo's metrics tell what happened.</summary>
public sealed class RunMetricsTests : IDisposable
{
    private const int Epochs = 9;
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_scrape_tells_of_a_killed_worker_and_of_every_step()
    {
        TestData.RequireLong();
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        double[] before = [];
        RunStatus end = await TrainAsync(silo, () => Eventually.HoldsAsync("steps of a/1", async () =>
            (before = (await Scrape.OfAsync(silo)).Values("spikeformer_step_duration_seconds_count", ("worker", "a/1"))) is [> 0]));
        Scrape scrape = null!;
        await Eventually.HoldsAsync("the end of the run in the metrics", async () =>
            (scrape = await Scrape.OfAsync(silo)).Sum("spikeformer_run_state", ("run", "killed"), ("state", "Completed")) == 1
                && scrape.Sum("spikeformer_checkpoint_last_success_timestamp_seconds") > 0
                && scrape.Values("spikeformer_tensors_live", ("run", "killed")).Length == 0);

        Assert.Equal([1], scrape.Values("spikeformer_recoveries_total", ("run", "killed"), ("reason", "rank_lost")));
        Assert.Equal(1, scrape.Sum("spikeformer_recoveries_total"));
        Assert.Equal(1, scrape.Sum("spikeformer_recovery_duration_seconds_count"));
        Assert.Equal(0, scrape.Sum("spikeformer_ledger_gaps_total"));
        Assert.Equal(0, scrape.Sum("spikeformer_parameter_digest_mismatches_total"));
        Assert.Equal(0, scrape.Sum("spikeformer_lost_steps_total"));
        Assert.Equal([end.Step], scrape.Values("spikeformer_steps_total"));
        Assert.Equal([340 * Epochs], scrape.Values("spikeformer_samples_total"));
        Assert.Equal([end.Step], scrape.Values("spikeformer_step"));
        Assert.Equal([end.Generation], scrape.Values("spikeformer_generation"));
        Assert.Equal([end.LastEpoch!.TestLoss], scrape.Values("spikeformer_loss", ("split", "test")));
        Assert.Equal([end.LastCommit!.Loss], scrape.Values("spikeformer_loss", ("split", "train")));
        Assert.InRange(scrape.Sum("spikeformer_lost_time_seconds_total", ("cause", "recovery")), 0.001, 60);

        // What the killed process had measured is still there, and its successor's comes on top.
        Assert.Equal([2], scrape.Values("spikeformer_worker_starts_total", ("worker", "a/1")));
        Assert.Equal([1, 1], scrape.Values("spikeformer_worker_starts_total").Order().Take(2));
        double[] after = scrape.Values("spikeformer_step_duration_seconds_count", ("worker", "a/1"), ("device", "cpu:1"), ("run", "killed"));
        Assert.InRange(after.Single(), before.Single() + 1, end.Step);
        foreach (string worker in new[] { "a/0", "a/1", "a/2" })
        {
            (string, string) label = ("worker", worker);
            Assert.Equal(scrape.Sum("spikeformer_step_duration_seconds_count", label), scrape.Sum("spikeformer_step_phase_duration_seconds_count", label, ("phase", "compute")));
            Assert.True(scrape.Sum("spikeformer_all_reduce_bytes_total", label) > 0, worker);
            Assert.True(scrape.Sum("spikeformer_control_bytes_total", label, ("run", "killed")) > 0, worker);
        }
        Assert.Equal(0, scrape.Sum("spikeformer_measurements_lost_total"));

        Dictionary<string, string> catalogue = Catalogue.All.ToDictionary(metric => metric.PrometheusName, metric => metric.Kind.ToString().ToLowerInvariant());
        Assert.All(scrape.Families, family => Assert.Equal(catalogue[family.Name], family.Type));
        Assert.Contains("orleans_catalog_activations", scrape.Text);
    }

    [Fact]
    public async Task A_real_Prometheus_finds_the_same_and_promtool_has_nothing_to_say()
    {
        TestData.RequireLong();
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        using PrometheusServer prometheus = await PrometheusServer.StartAsync(silo);
        string running = "";
        RunStatus end = await TrainAsync(silo, async () =>
        {
            await Eventually.HoldsAsync("a running run", async () => await prometheus.AskAsync("spikeformer_run_state{run='killed',state='Running'} == 1") is [1]);
            running = (await Scrape.OfAsync(silo)).Own;
        });
        await Eventually.HoldsAsync("the end of the run in Prometheus", async () => await prometheus.AskAsync("spikeformer_run_state{run='killed',state='Completed'} == 1") is [1]);

        await EqualsAsync(1, "sum by (run) (spikeformer_recoveries_total{run='killed'})");
        await EqualsAsync(0, "sum by (run) (spikeformer_ledger_gaps_total{run='killed'})");
        await EqualsAsync(end.Step, "sum by (run) (spikeformer_steps_total{run='killed'})");
        await EqualsAsync(340 * Epochs, "sum by (run) (spikeformer_samples_total{run='killed'})");
        await EqualsAsync(2, "sum(spikeformer_worker_starts_total{worker='a/1'})");
        await EqualsAsync(1, "count(histogram_quantile(0.5, sum by (run, le) (spikeformer_step_duration_seconds_bucket{run='killed'})) > 0)");
        Assert.Equal("", PrometheusServer.Check(running));
        Assert.Equal("", PrometheusServer.Check((await Scrape.OfAsync(silo)).Own));

        async Task EqualsAsync(double expected, string query) => Assert.Equal((query, $"{expected}"), (query, string.Join(", ", await prometheus.AskAsync(query))));
    }

    [Fact]
    public async Task Without_metrics_of_workers_a_silo_exports_its_own()
    {
        using var folder = new TemporaryFolder();
        using SiloProcess silo = await SiloProcess.StartAsync(
            "--state", folder["cluster"], "--name", "a", "--devices", "cpu:1", "--worker-metrics", "off", "--orphan-grace", "0");
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await Eventually.HoldsAsync("a worker", async () => (await cluster.WorkersAsync()).Count == 1);
        Scrape scrape = await Scrape.OfAsync(silo);
        Assert.Contains("orleans_catalog_activations", scrape.Text);
        Assert.Empty(scrape.Families);
    }

    /// <summary>Trains with three workers, one of which is killed after step 20 and replaced.</summary>
    private async Task<RunStatus> TrainAsync(SiloProcess silo, Func<Task> beforeTheKill)
    {
        Recipe recipe = ClusterRuns.Recipe($"epochs={Epochs}");
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "killed", workers: 3));
        await ClusterRuns.StepAsync(cluster, "killed", 20);
        await beforeTheKill();
        await WorkerSignals.SendAsync(cluster, "a/1", WorkerSignals.Kill);
        await ClusterRuns.GenerationAsync(cluster, "killed", 3);
        RunStatus end = await cluster.WaitAsync("killed");
        Assert.Equal((RunState.Completed, 22L * Epochs), (end.State, end.Step));
        return end;
    }
}
