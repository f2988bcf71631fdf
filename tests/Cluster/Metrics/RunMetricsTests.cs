using System.Text.RegularExpressions;
using Spikeformer.Client;
using Spikeformer.Cluster.Silos;
using Spikeformer.Cluster.Training;
using Spikeformer.Contracts;
using Spikeformer.Metrics;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.TestKit.Servers;
using Xunit;

namespace Spikeformer.Cluster.Metrics;

/// <summary>The metrics of a silo after a worker was killed during a run.</summary>
public sealed partial class RunMetricsTests : IDisposable
{
    private const int Epochs = 9;
    private readonly ClusterRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_killed_worker_is_visible_in_the_metrics_in_Prometheus_on_every_dashboard_and_in_an_alert()
    {
        TestData.RequireLong();
        using SiloProcess silo = await _runs.StartAsync("a", workers: 3);
        using PrometheusServer prometheus = await PrometheusServer.StartAsync(silo.Endpoints.Http, Monitoring.Namespace, "a", Monitoring.Alerts());
        string running = "";
        double[] before = [];
        HashSet<string> unanswered = [.. Monitoring.Queries("killed")];
        using var over = new CancellationTokenSource();
        Task asking = AskAllAsync(over.Token);
        RunStatus end = await TrainAsync(silo, async () =>
        {
            await Eventually.HoldsAsync("a running run", async () => await prometheus.AskAsync("spikeformer_run_state{run='killed',state='running'} == 1") is [1]);
            running = (await Scrape.OfAsync(silo)).Own;
            await Eventually.HoldsAsync("steps of a/1", async () =>
                (before = (await Scrape.OfAsync(silo)).Values("spikeformer_step_duration_seconds_count", ("worker", "a/1"))) is [> 0]);
        });
        await Eventually.HoldsAsync("the end of the run in Prometheus", async () => await prometheus.AskAsync("spikeformer_run_state{run='killed',state='completed'} == 1") is [1]);
        await over.CancelAsync();
        await asking;

        await AssertScrapeAsync(silo, end, before.Single());
        await EqualsAsync(1, "sum by (run) (spikeformer_recoveries_total{run='killed'})");
        await EqualsAsync(0, "sum by (run) (spikeformer_ledger_gaps_total{run='killed'})");
        await EqualsAsync(end.Step, "sum by (run) (spikeformer_steps_total{run='killed'})");
        await EqualsAsync(340 * Epochs, "sum by (run) (spikeformer_samples_total{run='killed'})");
        await EqualsAsync(2, "sum(spikeformer_worker_starts_total{worker='a/1'})");
        await EqualsAsync(1, "count(histogram_quantile(0.5, sum by (run, le) (spikeformer_step_duration_seconds_bucket{run='killed'})) > 0)");
        Assert.Equal("", PrometheusServer.Check(running));
        Assert.Equal("", PrometheusServer.Check((await Scrape.OfAsync(silo)).Own));

        // Counters without a count, and devices that this machine does not have, have no series.
        Assert.All(unanswered, query => Assert.Matches(Absent(), query));
        (string Rule, string Error)[] rules = await prometheus.RulesAsync();
        Assert.Equal(15, rules.Length);
        Assert.All(rules, rule => Assert.Equal((rule.Rule, ""), rule));
        await EqualsAsync(1, "count(count_over_time(ALERTS{alertname='WorldSizeDegraded',alertstate='firing',run='killed'}[10m]))");
        await Eventually.HoldsAsync("the end of the alert", async () => await prometheus.AskAsync("ALERTS{alertname='WorldSizeDegraded'}") is []);

        async Task EqualsAsync(double expected, string query) => Assert.Equal((query, $"{expected}"), (query, string.Join(", ", await prometheus.AskAsync(query))));

        async Task AskAllAsync(CancellationToken cancellation)
        {
            while (unanswered.Count > 0 && !cancellation.IsCancellationRequested)
            {
                foreach (string query in unanswered.ToArray())
                    if (await prometheus.AskAsync(query) is not []) unanswered.Remove(query);
                await Task.Delay(PrometheusServer.ScrapeInterval);
            }
        }
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

    /// <summary>Checks a scrape after the run, of which the killed worker had measured some steps.</summary>
    private static async Task AssertScrapeAsync(SiloProcess silo, RunStatus end, double before)
    {
        Scrape scrape = null!;
        await Eventually.HoldsAsync("the end of the run in the metrics", async () =>
            (scrape = await Scrape.OfAsync(silo)).Sum("spikeformer_run_state", ("run", "killed"), ("state", "completed")) == 1
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

        // The measurements of the killed process remain, and those of its successor are added.
        Assert.Equal([2], scrape.Values("spikeformer_worker_starts_total", ("worker", "a/1")));
        Assert.Equal([1, 1], scrape.Values("spikeformer_worker_starts_total").Order().Take(2));
        double[] after = scrape.Values("spikeformer_step_duration_seconds_count", ("worker", "a/1"), ("device", "cpu:1"), ("run", "killed"));
        Assert.InRange(after.Single(), before + 1, end.Step);
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

    /// <summary>Trains with three workers, one of which is killed after step 20 and replaced.</summary>
    private async Task<RunStatus> TrainAsync(SiloProcess silo, Func<Task> beforeTheKill)
    {
        Recipe recipe = ClusterRuns.Recipe($"epochs={Epochs}");
        await using SpikeformerCluster cluster = await SpikeformerCluster.ConnectAsync(silo.Endpoints.Gateway);
        await cluster.StartAsync(_runs.Spec(recipe, "killed", workers: 3));
        await ClusterRuns.AwaitStepAsync(cluster, "killed", 20);
        await beforeTheKill();
        await WorkerSignals.SendAsync(cluster, "a/1", WorkerSignals.Kill);
        await ClusterRuns.AwaitGenerationAsync(cluster, "killed", 3);
        RunStatus end = await cluster.WaitAsync("killed");
        Assert.Equal((RunState.Completed, 22L * Epochs), (end.State, end.Step));
        return end;
    }

    [GeneratedRegex("DCGM_FI_DEV|spikeformer_(device_memory|checkpoint_failures|nonfinite_steps|parameter_digest_mismatches)|orleans_(app_requests_timedout|messaging_rejected|messaging_pings_reply_missed)")]
    private static partial Regex Absent();
}
