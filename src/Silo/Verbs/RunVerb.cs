using System.CommandLine;
using Spikeformer.Clustering.Tls;
using Spikeformer.Silo.Hosting;
using Spikeformer.Silo.Settings;

namespace Spikeformer.Silo.Verbs;

/// <summary><c>run</c>: runs a silo in the foreground, until a signal or its parent ends it.</summary>
internal static class RunVerb
{
    // Options override the environment. SiloSettingsReader checks all settings together, so that options are texts here.
    private static readonly (string Option, string Setting, string HelpName, string Description)[] s_settings =
    [
        ("--roles", nameof(SiloSettings.Roles), "ROLES", "Roles: control, node, or both with a comma (default: both)"),
        ("--name", nameof(SiloSettings.SiloName), "NAME", "Name of this silo, unique in the cluster (default: the name of the machine)"),
        ("--redis", nameof(SiloSettings.Redis), "HOST:PORT", "Redis server for the state of the cluster (default: none, the state is in files)"),
        ("--state", nameof(SiloSettings.StateDirectory), "DIR", "Directory for the state of the cluster without Redis (default: cluster)"),
        ("--devices", nameof(SiloSettings.Devices), "LIST", "Devices that get a worker: auto, none, cpu:2, cuda:0,1 (default: auto)"),
        ("--data", nameof(SiloSettings.Data), "DIR", "Default folder of the data"),
        ("--checkpoints", nameof(SiloSettings.Checkpoints), "PLACE", "Default place of checkpoints: s3://BUCKET/PREFIX or a folder (default: the run directories)"),
        ("--advertise", nameof(SiloSettings.AdvertisedAddress), "ADDRESS", "Address at which others reach this machine (default: loopback)"),
        ("--silo-port", nameof(SiloSettings.SiloPort), "PORT", "Port for silos, 0 for a free one (default: 11111)"),
        ("--gateway-port", nameof(SiloSettings.GatewayPort), "PORT", "Port for clients, 0 for a free one (default: 30000)"),
        ("--http-port", nameof(SiloSettings.HttpPort), "PORT", "Port for metrics and health, 0 for a free one (default: 8080)"),
        ("--data-port", nameof(SiloSettings.DataPort), "PORT", "First port for the data plane of the workers (default: free ports)"),
        ("--worker-logs", nameof(SiloSettings.WorkerLogs), "DIR", "Folder for the logs of the workers (default: workers in the state directory)"),
        ("--orphan-grace", nameof(SiloSettings.OrphanGrace), "SECONDS", "Time for which workers continue without this silo (default: 60)"),
        ("--worker-metrics", nameof(SiloSettings.WorkerMetrics), "on|off", "Export the metrics of the workers (default: on)"),
        ("--tls-certificate", $"{nameof(SiloSettings.Tls)}:{nameof(TlsSettings.Certificate)}", "FILE",
            "Certificate of this silo, PEM or PFX; switches TLS on between silos and at the gateway"),
        ("--tls-key", $"{nameof(SiloSettings.Tls)}:{nameof(TlsSettings.Key)}", "FILE", "Private key of the certificate, PEM; for a PFX a file with its password"),
        ("--tls-authority", $"{nameof(SiloSettings.Tls)}:{nameof(TlsSettings.Authority)}", "FILE",
            "Certificate of the authority that has signed all others, PEM"),
        ("--cluster-id", nameof(SiloSettings.ClusterId), "NAME", "Name of the cluster (default: spikeformer)"),
        ("--service-id", nameof(SiloSettings.ServiceId), "NAME", "Name of the service (default: spikeformer)"),
    ];

    public static Command Create()
    {
        (Option<string?> Option, string Setting)[] settings =
            [.. s_settings.Select(s => (new Option<string?>(s.Option) { Description = s.Description, HelpName = s.HelpName }, s.Setting))];
        var endpointFile = new Option<string?>("--endpoint-file") { Description = "File to which the silo writes its addresses when it has started", HelpName = "FILE" };
        var parentPipe = new Option<bool>("--parent-pipe") { Description = "Stop when standard input ends, and ignore Ctrl-C" };
        var command = new Command("run", "Run a silo in the foreground") { endpointFile, parentPipe };
        foreach ((Option<string?> option, _) in settings) command.Add(option);
        command.SetAction((parsed, cancellation) => RunAsync(
            settings.Where(s => parsed.GetResult(s.Option) is not null).ToDictionary(s => $"{SiloSettings.Section}:{s.Setting}", s => parsed.GetValue(s.Option)),
            parsed.GetValue(endpointFile), parsed.GetValue(parentPipe), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        Dictionary<string, string?> overrides, string? endpointFile, bool parentPipe, CancellationToken cancellation)
    {
        WebApplicationBuilder builder = SiloHost.CreateBuilder();
        builder.Configuration.AddInMemoryCollection(overrides);
        var settings = SiloSettingsReader.Read(builder.Configuration);
        if (parentPipe) builder.Services.AddSingleton<IHostLifetime, ParentLifetime>();
        // Readers must not find the file of an earlier process.
        if (endpointFile is not null) new SharedFile(Path.GetFullPath(endpointFile), TimeProvider.System).Delete();
        SiloHost silo;
        try
        {
            silo = await SiloHost.StartAsync(builder, settings, cancellation);
        }
        catch (OperationCanceledException)
        {
            return 0; // told to stop before it had started
        }
        await using (silo)
        {
            if (endpointFile is not null) silo.Endpoints.Write(endpointFile);
            await silo.WaitForShutdownAsync();
        }
        return 0;
    }
}
