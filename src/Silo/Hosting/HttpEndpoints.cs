using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Spikeformer.Metrics;
using Spikeformer.Silo.Settings;

namespace Spikeformer.Silo.Hosting;

/// <summary>What a silo answers over HTTP: metrics for Prometheus, and health for whoever keeps it running.</summary>
internal static class HttpEndpoints
{
    public const string Metrics = "/metrics";
    public const string Startup = "/health/startup", Ready = "/health/ready", Live = "/health/live";

    // Histograms of every run and worker are streams of their own; the default is 1000.
    private const int MaxMetricStreams = 20_000;

    /// <summary>Collects the meters of Orleans, of .NET and of our own.</summary>
    public static void AddMetrics(IServiceCollection services, SiloSettings settings) => services.AddOpenTelemetry()
        .ConfigureResource(resource => resource.AddService("spikeformer-silo", serviceInstanceId: settings.SiloName))
        .WithMetrics(metrics => metrics.AddMeter("Microsoft.Orleans", "System.Runtime", SeriesStore.MeterName).SetMaxMetricStreams(MaxMetricStreams)
            .AddPrometheusExporter());

    /// <summary>Adds the paths.</summary>
    public static void Map(WebApplication app)
    {
        app.MapPrometheusScrapingEndpoint(Metrics);
        // HTTP is served only once the silo has become a member.
        app.MapGet(Startup, () => Results.Text("started\n"));
        // Without Orleans: a silo that the cluster has given up ends itself, and an unwell cluster must not make every silo restart.
        app.MapGet(Live, () => Results.Text("live\n"));
        app.MapGet(Ready, Readiness);
    }

    private static IResult Readiness(IClusterMembershipService membership, ILocalSiloDetails silo, IHostApplicationLifetime lifetime)
    {
        SiloStatus status = membership.CurrentSnapshot.GetSiloStatus(silo.SiloAddress);
        bool ready = status == SiloStatus.Active && !lifetime.ApplicationStopping.IsCancellationRequested;
        return Results.Text($"{(ready ? "ready" : "not ready")}: {status}\n", statusCode: ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
    }
}
