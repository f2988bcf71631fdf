using System.Net;
using System.Security.Cryptography;
using Spikeformer.Collectives.Connections;
using Spikeformer.Diagnostics;
using StackExchange.Redis;

namespace Spikeformer.Silo.Worker.Session;

/// <summary>Start options of a worker process.</summary>
internal sealed record WorkerOptions
{
    /// <summary>Environment variable with the connection string of the cluster's Redis.</summary>
    public const string RedisVariable = "Spikeformer__Redis";

    /// <summary>The worker's name, <c>silo/slot</c>.</summary>
    public required string Name { get; init; }
    /// <summary>Its device, such as <c>cpu:0</c>.</summary>
    public required string Device { get; init; }
    public required ClusterAddress Cluster { get; init; }
    /// <summary>The cluster's Redis, which knows all gateways, also new ones; null when the address is enough.</summary>
    public string? Redis { get; init; }
    /// <summary>Address of the data plane, for this process and for its peers.</summary>
    public IPAddress DataAddress { get; init; } = IPAddress.Loopback;
    /// <summary>Port of the data plane; 0 takes a free one.</summary>
    public int DataPort { get; init; }
    /// <summary>The page for measurements, which the silo reads; null measures nothing.</summary>
    public string? Metrics { get; init; }
}

/// <summary>The worker process: reports to its twin, and serves one run after the other.</summary>
internal static class WorkerProcess
{
    private static readonly TimeSpan ShortPause = TimeSpan.FromMilliseconds(100), LongPause = TimeSpan.FromSeconds(1);
    private const int QuickReports = 100;

    /// <summary>Works until it is asked to end.</summary>
    /// <param name="options">Start options.</param>
    /// <param name="serve">Serves one run on the compute thread, over the process's data plane.</param>
    /// <param name="drain">Cancelled to make the process leave its run at the next boundary and end.</param>
    public static async Task<int> RunAsync(WorkerOptions options, Action<RunSpec, MemberBoard, DataListener> serve, CancellationToken drain)
    {
        var throttle = new LogThrottle(TimeProvider.System);
        using var listener = new DataListener(options.DataAddress, options.DataPort, (cause, from) =>
        {
            if (throttle.IsDue($"{from} {cause}", out long before))
                Console.Error.WriteLine($"Refused a connection from {from} on the data port: {cause}{(before == 0 ? "" : $"; {before} more since the last such line")}");
        });
        FailPoints.Worker = options.Name;
        using var traffic = new ControlTraffic();
        using WorkerMetrics? metrics = WorkerMetrics.TryOpen(options.Metrics, options.Device, traffic, TimeProvider.System);
        await using ClusterClient cluster = await ClusterClient.ConnectAsync(options.Cluster, TimeSpan.FromSeconds(60), drain, client =>
        {
            client.AddOutgoingGrainCallFilter(traffic);
            if (options.Redis is { } redis) client.UseRedisClustering(clustering => clustering.ConfigurationOptions = ConfigurationOptions.Parse(redis));
            NearGateways.Prefer(client.Services, options.DataAddress);
        });
        var info = new WorkerInfo
        {
            Worker = options.Name,
            Incarnation = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))),
            Device = options.Device,
            Address = new IPEndPoint(options.DataAddress, listener.Port).ToString(),
            HostId = HostIdentity.OfThisProcess,
            ProcessId = Environment.ProcessId,
        };
        IWorkerGrain twin = cluster.Grains.GetGrain<IWorkerGrain>(options.Name);
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(drain);
        RunSession? session = null;
        Task serving = Task.CompletedTask;
        string? run = null;
        using CancellationTokenRegistration leave = leaving.Token.Register(() => session?.Leave());
        for (int idle = 0; ; idle++)
        {
            if (serving.IsCompleted && session is not null)
            {
                await serving;
                Console.Error.WriteLine($"Finished run {run} at step {session.Status.Step}: {traffic}");
                (session, run, idle) = (null, null, 0);
                metrics?.Begin(null);
            }
            if (session is null && leaving.IsCancellationRequested) break;
            WorkerOrder? order = await ReportAsync(twin, new()
            {
                Info = info, Run = run, Phase = session?.Status.Phase ?? WorkerPhase.Idle, Step = session?.Status.Step ?? 0, IsDraining = leaving.IsCancellationRequested,
            });
            if (order is { MustDrain: true }) leaving.Cancel();
            if (session is null && order is { Run: { } given } && !leaving.IsCancellationRequested)
            {
                run = given;
                metrics?.Begin(run);
                session = new(cluster.Grains.GetGrain<IRunGrain>(given), info, (spec, board) => serve(spec, board, listener), TimeProvider.System);
                serving = session.ServeAsync();
                continue;
            }
            // An idle worker asks often at first, since runs start soon after their cluster. A serving worker only shows that it is alive.
            Task pause = Task.Delay(session is null && idle < QuickReports ? ShortPause : LongPause, TimeProvider.System, leaving.Token);
            await Task.WhenAny(pause, session is null ? pause : serving);
            if (session is not null && leaving.IsCancellationRequested && !serving.IsCompleted) await Task.WhenAny(serving, Task.Delay(LongPause, TimeProvider.System));
        }
        await ReportAsync(twin, new() { Info = info, Phase = WorkerPhase.Done, IsDraining = true });
        return 0;
    }

    private static async Task<WorkerOrder?> ReportAsync(IWorkerGrain twin, WorkerReport report)
    {
        try
        {
            return await twin.Report(report);
        }
        catch (Exception error) when (GrainCalls.IsTransient(error) || error is OrleansException)
        {
            return null;
        }
    }
}
