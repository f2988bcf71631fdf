using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Spikeformer.Metrics;
using Spikeformer.Silo.Settings;

namespace Spikeformer.Silo.Hosting;

/// <summary>The HTTP endpoints of a silo: metrics for Prometheus, and health checks for the system that runs it.</summary>
internal static class HttpEndpoints
{
    public const string Metrics = "/metrics";
    public const string Startup = "/health/startup", Ready = "/health/ready", Live = "/health/live";

    // Each histogram of a run or worker is a stream; the default of 1000 is too small.
    private const int MaxMetricStreams = 20_000;

    /// <summary>Exports the meters of Orleans, .NET and Spikeformer.</summary>
    public static void AddMetrics(IServiceCollection services, SiloSettings settings) => services.AddOpenTelemetry()
        .ConfigureResource(resource => resource.AddService("spikeformer-silo", serviceInstanceId: settings.SiloName))
        .WithMetrics(metrics => metrics.AddMeter("Microsoft.Orleans", "System.Runtime", SeriesStore.MeterName).SetMaxMetricStreams(MaxMetricStreams)
            .AddPrometheusExporter());

    /// <summary>Maps the endpoints.</summary>
    public static void Map(WebApplication app)
    {
        app.MapPrometheusScrapingEndpoint(Metrics);
        // HTTP starts after the silo has become a member.
        app.MapGet(Startup, () => Results.Text("started\n"));
        // Does not ask Orleans: a silo that the cluster has declared dead exits by itself, and a cluster in trouble must not restart every silo.
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
