using System.CommandLine;
using Spikeformer.Clustering;
using Spikeformer.Clustering.Tls;
using Spikeformer.Silo.Hosting;
using Spikeformer.Silo.Settings;

namespace Spikeformer.Silo.Verbs;

/// <summary><c>run</c>: a silo in the foreground, until a signal or its parent ends it.</summary>
internal static class RunVerb
{
    // Options are texts that go before the environment's; SiloSettings checks all of them together.
    private static readonly (string Option, string Setting, string HelpName, string Description)[] s_settings =
    [
        ("--roles", nameof(SiloSettings.Roles), "ROLES", "control, node, or both with a comma (default both)"),
        ("--name", nameof(SiloSettings.SiloName), "NAME", "Name of this silo, unique and lasting (default: the machine's)"),
        ("--redis", nameof(SiloSettings.Redis), "HOST:PORT", "Keep the cluster's state in Redis (default: in files)"),
        ("--state", nameof(SiloSettings.StateDirectory), "DIR", "Directory of the cluster's state without Redis (default: cluster)"),
        ("--devices", nameof(SiloSettings.Devices), "LIST", "Devices that get a worker: auto, none, cpu:2, cuda:0,1 (default auto)"),
        ("--data", nameof(SiloSettings.Data), "DIR", "Folder of the data"),
        ("--checkpoints", nameof(SiloSettings.Checkpoints), "PLACE", "s3://BUCKET/PREFIX or folder for the checkpoints of runs that name none (default: the run directories)"),
        ("--advertise", nameof(SiloSettings.AdvertisedAddress), "ADDRESS", "Address that others reach this machine under (default: loopback)"),
        ("--silo-port", nameof(SiloSettings.SiloPort), "PORT", "Port for silos, 0 for a free one (default 11111)"),
        ("--gateway-port", nameof(SiloSettings.GatewayPort), "PORT", "Port for clients (default 30000)"),
        ("--http-port", nameof(SiloSettings.HttpPort), "PORT", "Port of metrics and health (default 8080)"),
        ("--data-port", nameof(SiloSettings.DataPort), "PORT", "First port of the workers' data plane (default: free ones)"),
        ("--worker-logs", nameof(SiloSettings.WorkerLogs), "DIR", "Folder of the workers' logs (default: workers in the state directory)"),
        ("--orphan-grace", nameof(SiloSettings.OrphanGrace), "SECONDS", "How long workers go on without this silo (default 60)"),
        ("--worker-metrics", nameof(SiloSettings.WorkerMetrics), "on|off", "Export what workers measure (default on)"),
        ("--tls-certificate", $"{nameof(SiloSettings.Tls)}:{nameof(TlsSettings.Certificate)}", "FILE",
            "Certificate of this silo, PEM or PFX: TLS between silos and at the gateway"),
        ("--tls-key", $"{nameof(SiloSettings.Tls)}:{nameof(TlsSettings.Key)}", "FILE", "Its private key in PEM, or of a PFX its password"),
        ("--tls-authority", $"{nameof(SiloSettings.Tls)}:{nameof(TlsSettings.Authority)}", "FILE",
            "Certificate of the authority that has signed all others, in PEM"),
        ("--cluster-id", nameof(SiloSettings.ClusterId), "NAME", "Name of the cluster (default spikeformer)"),
        ("--service-id", nameof(SiloSettings.ServiceId), "NAME", "Name of the service (default spikeformer)"),
    ];

    public static Command Create()
    {
        (Option<string?> Option, string Setting)[] settings =
            [.. s_settings.Select(s => (new Option<string?>(s.Option) { Description = s.Description, HelpName = s.HelpName }, s.Setting))];
        var endpointFile = new Option<string?>("--endpoint-file") { Description = "Write where the silo listens to this file, once it is up", HelpName = "FILE" };
        var parentPipe = new Option<bool>("--parent-pipe") { Description = "End when standard input ends; ignore Ctrl-C" };
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
        // A reader must not take the file of an earlier life for ours.
        if (endpointFile is not null) new SharedFile(Path.GetFullPath(endpointFile), TimeProvider.System).Delete();
        SiloHost silo;
        try
        {
            silo = await SiloHost.StartAsync(builder, settings, cancellation);
        }
        catch (OperationCanceledException)
        {
            return 0; // told to stop before it was up
        }
        await using (silo)
        {
            if (endpointFile is not null) silo.Endpoints.Write(endpointFile);
            await silo.WaitForShutdownAsync();
        }
        return 0;
    }
}
