using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Console;
using Spikeformer.Clustering.Tls;
using Spikeformer.Silo.Settings;
using Spikeformer.Silo.Supervision;
using StackExchange.Redis;

namespace Spikeformer.Silo.Hosting;

/// <summary>A running silo with its HTTP endpoints. Dispose it to stop it.</summary>
internal sealed partial class SiloHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private SiloHost(WebApplication app, SiloEndpoints endpoints) => (_app, Endpoints) = (app, endpoints);

    /// <summary>The addresses on which it listens.</summary>
    public SiloEndpoints Endpoints { get; }

    /// <summary>The services of the process.</summary>
    public IServiceProvider Services => _app.Services;

    /// <summary>Returns a builder with the logging of a silo and the configuration from the environment and from <c>appsettings.json</c> beside the program.</summary>
    public static WebApplicationBuilder CreateBuilder()
    {
        // Not the working directory, which depends on the caller.
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
        // At every start it warns of a check that has never run; the watchdog also has a metric.
        builder.Logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);
        // SiloTls logs each refusal in one line.
        builder.Logging.AddFilter("Orleans.Connections.Security", LogLevel.Critical);
        // When a start fails, calls within the silo fail, too. Callers get the error in any case.
        builder.Logging.AddFilter("Orleans.Grain.InvokeException", LogLevel.Error);
        // Each of these repeats the exception of a failed start, which the program prints once.
        foreach (string category in new[] { "Orleans.Runtime.Silo", "Orleans.Runtime.SiloLifecycleSubject", "Microsoft.Extensions.Hosting" })
            builder.Logging.AddFilter(category, LogLevel.Critical);
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        return builder;
    }

    /// <summary>Starts a silo and returns when it is an active member of its cluster and answers over HTTP.</summary>
    /// <param name="builder">The builder from <see cref="CreateBuilder"/>, with other services of the process.</param>
    /// <param name="settings">The settings.</param>
    /// <param name="cancellation">Cancels the start.</param>
    /// <exception cref="SpikeformerException">A port is taken or the state directory belongs to another cluster (Conflict), Redis cannot be reached or
    /// a silo of the cluster refuses this one (Unreachable), certificate files are wrong (Usage), or the file system refuses.</exception>
    /// <exception cref="OperationCanceledException">The start was cancelled, or the silo was told to stop.</exception>
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

    /// <summary>Waits for the end of the silo: after a signal, or because the cluster has declared it dead.</summary>
    public Task WaitForShutdownAsync() => _app.WaitForShutdownAsync();

    /// <summary>Stops the silo in order: its grains move, and it leaves the membership.</summary>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    // Stops what has started. If the silo has joined, leaving in order spares the others the detection of a lost member.
    private static async Task LeaveAsync(WebApplication app)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        try
        {
            await app.StopAsync(patience.Token);
        }
        catch (Exception)
        {
            // The error to report is the one that prevented the start.
        }
        await app.DisposeAsync();
    }

    // Orleans must know its ports before it listens. If another process takes one meanwhile, the start fails and names the ports.
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
                    return new(ErrorKind.Conflict, $"A port is taken: {settings.SiloPort} (silo), {settings.GatewayPort} (gateway) or {settings.HttpPort} (HTTP)",
                        "Stop the other program, or choose other ports; 0 takes a free one", error);
                case RedisConnectionException:
                    string servers = string.Join(", ", ConfigurationOptions.Parse(settings.Redis!).EndPoints);
                    return new(ErrorKind.Unreachable, $"Redis cannot be reached at {servers}: {cause.Message.Split(['\n', ';', '.'])[0]}",
                        "Check Spikeformer__Redis, the password, and whether the server runs", error);
            }
        return null;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Silo {Silo} is a member of {Cluster}: silos {SiloAddress}, clients {Gateway}, metrics {Http}")]
    private static partial void LogStarted(ILogger logger, string silo, string cluster, string siloAddress, string gateway, string http);
}
