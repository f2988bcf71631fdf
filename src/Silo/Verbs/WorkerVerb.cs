using System.CommandLine;
using System.Net;
using System.Runtime.InteropServices;
using Spikeformer.Clustering.Tls;
using Spikeformer.Files;
using Spikeformer.Silo.Worker.Generation;
using Spikeformer.Silo.Worker.Session;

namespace Spikeformer.Silo.Verbs;

/// <summary><c>worker</c>: runs a worker process. Silos start it; people start it only to examine one.</summary>
internal static class WorkerVerb
{
    private const int Niceness = 5;
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10), OrphanPause = TimeSpan.FromMilliseconds(100);

    public static Command Create()
    {
        var name = new Option<string>("--name") { Description = "Name of the worker, silo/slot", HelpName = "NAME", Required = true };
        var device = new Option<string>("--device") { Description = "Device of the worker, such as cpu:0", HelpName = "DEVICE", Required = true };
        var gateways = new Option<string?>("--cluster") { Description = "Gateways of the cluster", HelpName = "HOST:PORT[,…]" };
        var state = new Option<string?>("--state") { Description = "State directory of silos on this machine, instead of --cluster", HelpName = "DIR" };
        var clusterId = new Option<string>("--cluster-id") { Description = "Name of the cluster", DefaultValueFactory = _ => ClusterNames.DefaultId };
        var serviceId = new Option<string>("--service-id") { Description = "Name of the service", DefaultValueFactory = _ => ClusterNames.DefaultId };
        var address = new Option<string>("--data-address") { Description = "Address for the data plane", DefaultValueFactory = _ => "127.0.0.1" };
        var port = new Option<int>("--data-port") { Description = "Port for the data plane, 0 for a free one" };
        var log = new Option<string?>("--log") { Description = "File for messages (default: standard error)", HelpName = "FILE" };
        var agentLock = new Option<string?>("--agent-lock") { Description = "File that the silo locks while it lives", HelpName = "FILE" };
        var deviceLock = new Option<string?>("--device-lock") { Description = "File to lock, so that a device has only one worker", HelpName = "FILE" };
        var grace = new Option<int>("--orphan-grace") { Description = "Seconds to continue without a silo", DefaultValueFactory = _ => 60 };
        var workers = new Option<int>("--silo-workers") { Description = "Number of workers of the silo, which share its memory", DefaultValueFactory = _ => 1 };
        var metrics = new Option<string?>("--metrics") { Description = "Page for measurements that the silo has created", HelpName = "FILE" };
        var command = new Command("worker", "Compute for the runs of a cluster")
        {
            name, device, gateways, state, clusterId, serviceId, address, port, log, agentLock, deviceLock, grace, workers, metrics,
        };
        command.SetAction(async parsed =>
        {
            if (parsed.GetValue(log) is { } file) Posix.LogTo(file);
            Posix.BeNice(Niceness);
            ClusterAddress cluster = parsed.GetValue(state) is { } directory ? ClusterAddress.OfDirectory(directory)
                : parsed.GetValue(gateways) is { } list ? ClusterAddress.Parse(list)
                : throw new SpikeformerException(ErrorKind.Usage, "No cluster is named", "Name one with --cluster or --state");
            using FileLock? held = parsed.GetValue(deviceLock) is { } lockFile ? LockDevice(lockFile, parsed.GetRequiredValue(device)) : null;
            using var drain = new CancellationTokenSource();
            using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
            {
                context.Cancel = true;
                drain.Cancel();
            });
            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
            if (parsed.GetValue(agentLock) is { } agent) EndWithAgent(agent, TimeSpan.FromSeconds(parsed.GetValue(grace)));
            return await WorkerProcess.RunAsync(new()
            {
                Name = parsed.GetRequiredValue(name),
                Device = parsed.GetRequiredValue(device),
                Redis = Environment.GetEnvironmentVariable(WorkerOptions.RedisVariable),
                Cluster = cluster with
                {
                    ClusterId = parsed.GetRequiredValue(clusterId),
                    ServiceId = parsed.GetRequiredValue(serviceId),
                    Tls = TlsSettings.OfWorkerEnvironment(),
                },
                DataAddress = IPAddress.Parse(parsed.GetRequiredValue(address)),
                DataPort = parsed.GetValue(port),
                Metrics = parsed.GetValue(metrics),
            }, (spec, board, listener) => new Member(spec, board, listener, parsed.GetValue(workers), TimeProvider.System).Serve(), drain.Token);
        });
        return command;
    }

    private static FileLock LockDevice(string file, string device) => FileLock.TryAcquire(file, LockPatience, out string owner)
        ?? throw new SpikeformerException(ErrorKind.Conflict, $"{owner} already computes on {device}", "Stop it first");

    /// <summary>Ends this process when its silo has ended and no silo takes over within the grace time.</summary>
    private static void EndWithAgent(string lockFile, TimeSpan grace) => new Thread(() =>
    {
        long orphaned;
        do
        {
            Posix.AwaitUnlocked(lockFile);
            orphaned = TimeProvider.System.GetTimestamp();
            while (!Posix.IsLocked(lockFile) && TimeProvider.System.GetElapsedTime(orphaned) < grace) Thread.Sleep(OrphanPause);
        }
        while (TimeProvider.System.GetElapsedTime(orphaned) < grace);
        Console.Error.WriteLine("The silo has ended and none has taken over; exiting.");
        Environment.Exit((int)ErrorKind.Unreachable);
    })
    { IsBackground = true, Name = "agent watch" }.Start();
}
