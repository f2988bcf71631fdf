using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Console;
using Spikeformer.Clustering;
using Spikeformer.Clustering.Tls;
using Spikeformer.Silo.Settings;
using Spikeformer.Silo.Supervision;
using StackExchange.Redis;

namespace Spikeformer.Silo.Hosting;

/// <summary>A running silo with its HTTP endpoints. Dispose it to end it.</summary>
internal sealed partial class SiloHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private SiloHost(WebApplication app, SiloEndpoints endpoints) => (_app, Endpoints) = (app, endpoints);

    /// <summary>Where it listens.</summary>
    public SiloEndpoints Endpoints { get; }

    /// <summary>The services of the process.</summary>
    public IServiceProvider Services => _app.Services;

    /// <summary>A builder with our logging, reading <c>appsettings.json</c> beside the program and the environment.</summary>
    public static WebApplicationBuilder CreateBuilder()
    {
        // Not the working directory, which is whatever the caller stands in.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console =>
        {
            (console.SingleLine, console.UseUtcTimestamp, console.TimestampFormat) = (true, true, "yyyy-MM-ddTHH:mm:ss.fffZ ");
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Logging.AddFilter(nameof(Spikeformer), LogLevel.Information);
        // Warns at every start of a check that has never run yet; the watchdog has a metric too.
        builder.Logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);
        // Who was refused, and why, is told once in a line of our own.
        builder.Logging.AddFilter("Orleans.Connections.Security", LogLevel.Critical);
        // Of a silo that fails to start, calls between its own parts fail too; callers get the error anyway.
        builder.Logging.AddFilter("Orleans.Grain.InvokeException", LogLevel.Error);
        // Each of these repeats the exception of a failed start, which is told once as the program's error.
        foreach (string category in new[] { "Orleans.Runtime.Silo", "Orleans.Runtime.SiloLifecycleSubject", "Microsoft.Extensions.Hosting" })
            builder.Logging.AddFilter(category, LogLevel.Critical);
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        return builder;
    }

    /// <summary>Starts a silo; returns when it is an active member of its cluster and answers over HTTP.</summary>
    /// <param name="builder">From <see cref="CreateBuilder"/>, with what else the process does.</param>
    /// <param name="settings">The settings.</param>
    /// <param name="cancellation">Ends the start.</param>
    /// <exception cref="SpikeformerException">A port is taken or the state directory belongs to another cluster (Conflict), Redis cannot be reached or
    /// a silo of the cluster refuses this one (Unreachable), certificate files are wrong (Usage), or the file system refuses.</exception>
    /// <exception cref="OperationCanceledException">Cancelled, or told to stop before it was up.</exception>
    public static async Task<SiloHost> StartAsync(WebApplicationBuilder builder, SiloSettings settings, CancellationToken cancellation = default)
    {
        settings = WithFreePorts(settings);
        TlsIdentity? tls = settings.Tls is { } files ? TlsIdentity.Load(files, TimeProvider.System) : null;
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(OrleansSettings.ListenAddress(settings), settings.HttpPort));
        builder.Host.UseOrleans(silo => OrleansSettings.Apply(silo, settings, tls));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = OrleansSettings.Shutdown);
        builder.Services.AddSingleton(settings);
        WorkerSupervisor.AddTo(builder.Services, settings);
        HttpEndpoints.AddMetrics(builder.Services, settings);
        WebApplication app = builder.Build();
        HttpEndpoints.Map(app);
        try
        {
            await app.StartAsync(cancellation);
        }
        catch (Exception error)
        {
            await LeaveAsync(app);
            if (Explain(error, settings) is { } explained) throw explained;
            throw;
        }
        var silo = new SiloHost(app, EndpointsOf(app, settings));
        LogStarted(app.Services.GetRequiredService<ILogger<SiloHost>>(), settings.SiloName, settings.ClusterId, silo.Endpoints.SiloAddress,
            silo.Endpoints.Gateway, silo.Endpoints.Http);
        return silo;
    }

    /// <summary>Returns when the silo has ended: after a signal, or a loss of what it depends on.</summary>
    public Task WaitForShutdownAsync() => _app.WaitForShutdownAsync();

    /// <summary>Ends the silo in order: its grains move, its membership ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    // What has started of it must end, best in order: a member that only vanishes is missed by the others for a while.
    private static async Task LeaveAsync(WebApplication app)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        try
        {
            await app.StopAsync(patience.Token);
        }
        catch (Exception)
        {
            // The error that kept it from starting is the one to tell.
        }
        await app.DisposeAsync();
    }

    // Orleans must know its ports before it listens. Another process may take one in between; then the start fails and says so.
    private static SiloSettings WithFreePorts(SiloSettings settings)
    {
        using TcpListener silo = new(OrleansSettings.ListenAddress(settings), 0), gateway = new(OrleansSettings.ListenAddress(settings), 0);
        silo.Start();
        gateway.Start();
        return settings with
        {
            SiloPort = settings.SiloPort > 0 ? settings.SiloPort : PortOf(silo),
            GatewayPort = settings.GatewayPort > 0 ? settings.GatewayPort : PortOf(gateway),
        };
    }

    private static int PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private static SiloEndpoints EndpointsOf(WebApplication app, SiloSettings settings)
    {
        var http = new Uri(app.Urls.First());
        string host = settings.AdvertisedAddress.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{settings.AdvertisedAddress}]" : $"{settings.AdvertisedAddress}";
        return new(settings.SiloName, Environment.ProcessId, settings.ClusterId,
            string.Create(CultureInfo.InvariantCulture, $"{host}:{settings.SiloPort}"), string.Create(CultureInfo.InvariantCulture, $"{host}:{settings.GatewayPort}"),
            string.Create(CultureInfo.InvariantCulture, $"http://{host}:{http.Port}"));
    }

    private static SpikeformerException? Explain(Exception error, SiloSettings settings)
    {
        for (Exception? cause = error; cause is not null; cause = cause.InnerException)
            switch (cause)
            {
                case SpikeformerException own:
                    return own;
                case SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }:
                    return new(ErrorKind.Conflict, $"A port is taken: of {settings.SiloPort} (silo), {settings.GatewayPort} (gateway) and {settings.HttpPort} (HTTP)",
                        "End the other program, or choose other ports; 0 takes a free one", error);
                case RedisConnectionException:
                    string servers = string.Join(", ", ConfigurationOptions.Parse(settings.Redis!).EndPoints);
                    return new(ErrorKind.Unreachable, $"Redis cannot be reached at {servers}: {cause.Message.Split(['\n', ';', '.'])[0]}",
                        "Check Spikeformer__Redis, that the server runs, and its password", error);
            }
        return null;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Silo {Silo} is a member of {Cluster}: silos {SiloAddress}, clients {Gateway}, metrics {Http}")]
    private static partial void LogStarted(ILogger logger, string silo, string cluster, string siloAddress, string gateway, string http);
}
