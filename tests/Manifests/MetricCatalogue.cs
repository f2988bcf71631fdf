using System.Text.RegularExpressions;
using Spikeformer.TestKit;

namespace Spikeformer.Manifests;

/// <summary>The metrics that dashboards and alerts may use, under their Prometheus names: those of <c>docs/metrics.md</c>, and some of others.</summary>
internal static partial class MetricCatalogue
{
    private static readonly string[] s_others =
    [
        // Prometheus itself.
        "up", "ALERTS",
        // Orleans and .NET, as a silo of this version exports them.
        "orleans_catalog_activations", "orleans_gateway_connected_clients", "orleans_messaging_rejected_total", "orleans_messaging_pings_reply_missed_total",
        "orleans_app_requests_timedout_total", "orleans_app_requests_latency_milliseconds_bucket", "dotnet_process_memory_working_set_bytes",
        "dotnet_process_cpu_time_seconds_total", "dotnet_gc_pause_time_seconds_total", "dotnet_thread_pool_queue_length_total",
        "dotnet_thread_pool_thread_count_total",
        // NVIDIA's dcgm-exporter.
        "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_XID_ERRORS",
    ];

    /// <summary>All names that a query may have.</summary>
    public static IReadOnlySet<string> Names { get; } = s_others.Concat(
        from Match row in Row().Matches(File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "docs", "metrics.md")))
        let name = row.Groups[1].Value
        from series in row.Groups[2].Value == "histogram" ? [$"{name}_bucket", $"{name}_sum", $"{name}_count"] : new[] { name }
        select series).ToHashSet();

    [GeneratedRegex(@"^\| `([a-z0-9_]+)` \| (counter|gauge|histogram) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
