using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Orleans.Runtime;
using Spikeformer.Clustering;
using Spikeformer.Devices;
using Spikeformer.Silo.Worker;
using Spikeformer.Workers;

namespace Spikeformer.Silo;

/// <summary>Starts, watches and restarts one worker process for each device of a node silo. When the silo ends in order, the workers leave
/// their runs first.</summary>
internal sealed partial class WorkerSupervisor : BackgroundService, IWorkerLogs
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(30), Steady = TimeSpan.FromSeconds(30);
    // A worker leaves within a step and a checkpoint.
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(60);

    private readonly SiloSettings _settings;
    private readonly IMembershipTable _membership;
    private readonly ILogger<WorkerSupervisor> _logger;
    private readonly IReadOnlyList<Device> _devices;

    /// <summary>Supervises the devices that the settings name.</summary>
    /// <exception cref="SpikeformerException">A device is not there.</exception>
    public WorkerSupervisor(SiloSettings settings, IMembershipTable membership, ILogger<WorkerSupervisor> logger)
    {
        (_settings, _membership, _logger) = (settings, membership, logger);
        _devices = settings.Roles.HasFlag(SiloRoles.Node) ? DeviceInventory.OfThisMachine.Select(settings.Devices) : [];
        if (_devices.Count > 0 && settings.Devices == DeviceSelection.Auto && CudaLibrary.HasDriver && CudaLibrary.Problem is { } problem)
            LogNoCuda(problem.What, problem.Remedy);
    }

    /// <summary>Adds it to a silo's services; it starts after the silo and ends before it.</summary>
    public static void AddTo(IServiceCollection services, SiloSettings settings)
    {
        services.AddSingleton<WorkerSupervisor>();
        services.AddSingleton<IWorkerLogs>(provider => provider.GetRequiredService<WorkerSupervisor>());
        services.AddHostedService(provider => provider.GetRequiredService<WorkerSupervisor>());
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Tail(string worker, int lines)
    {
        string file = LogFile(int.Parse(worker[(worker.LastIndexOf('/') + 1)..], CultureInfo.InvariantCulture));
        return File.Exists(file) ? File.ReadLines(file).TakeLast(lines).ToArray() : [];
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stopping) => Task.WhenAll(_devices.Select(device => KeepAsync(device, stopping)));

    /// <summary>Keeps one device's worker alive; pauses grow while it does not last.</summary>
    private async Task KeepAsync(Device device, CancellationToken stopping)
    {
        TimeSpan pause = FirstPause;
        while (!stopping.IsCancellationRequested)
        {
            long began = Stopwatch.GetTimestamp();
            using Process process = Process.Start(await CommandAsync(device))!;
            LogStarted(Name(device), device.ToString(), process.Id);
            try
            {
                await process.WaitForExitAsync(stopping);
            }
            catch (OperationCanceledException)
            {
                await DrainAsync(process, device);
                return;
            }
            if (stopping.IsCancellationRequested) return;
            LogExited(Name(device), process.Id, process.ExitCode, LogFile(device.Slot));
            if (Stopwatch.GetElapsedTime(began) > Steady) pause = FirstPause;
            await Task.Delay(pause, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private async Task DrainAsync(Process process, Device device)
    {
        kill(process.Id, signal: 15);
        using var limit = new CancellationTokenSource(DrainLimit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            LogKilled(Name(device), process.Id, DrainLimit.TotalSeconds);
            process.Kill();
        }
    }

    private async Task<ProcessStartInfo> CommandAsync(Device device)
    {
        Directory.CreateDirectory(LogFolder);
        string program = Environment.ProcessPath!, assembly = typeof(WorkerSupervisor).Assembly.Location;
        bool isHosted = Path.GetFileNameWithoutExtension(program) == "dotnet";
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true };
        string[] arguments =
        [
            .. isHosted ? [assembly] : Array.Empty<string>(), "worker", "--name", Name(device), "--device", device.ToString(),
            .. await ClusterArgumentsAsync(), "--cluster-id", _settings.ClusterId, "--service-id", _settings.ServiceId,
            "--data-address", _settings.AdvertisedAddress.ToString(), "--data-port", $"{(_settings.DataPort == 0 ? 0 : _settings.DataPort + device.Slot)}",
            "--log", LogFile(device.Slot), "--orphan-grace", $"{_settings.OrphanGrace}",
        ];
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        // Not as an argument: it may hold a password.
        if (_settings.Redis is { } redis) start.Environment[WorkerOptions.RedisVariable] = redis;
        ComputeEnvironment.ApplyTo(start);
        if (device.Kind is DeviceKind.Cuda) CudaLibrary.ApplyTo(start, device.Index);
        return start;
    }

    /// <summary>How a worker finds the cluster: silos of one machine by their state directory, others by all gateways there are, its own first.</summary>
    private async Task<string[]> ClusterArgumentsAsync()
    {
        if (_settings.Redis is null) return ["--state", _settings.StateDirectory];
        MembershipTableData table = await _membership.ReadAllAsync(CancellationToken.None);
        var gateways = from row in table.Members
                       let entry = row.Item1
                       where entry.Status == SiloStatus.Active && entry.ProxyPort > 0
                       orderby entry.SiloName == _settings.SiloName descending
                       select new System.Net.IPEndPoint(entry.SiloAddress.Endpoint.Address, entry.ProxyPort).ToString();
        return ["--cluster", string.Join(',', gateways)];
    }

    private string Name(Device device) => $"{_settings.SiloName}/{device.Slot}";

    private string LogFolder => _settings.WorkerLogs ?? Path.Combine(_settings.StateDirectory, "workers");

    private string LogFile(int slot) => Path.Combine(LogFolder, $"{slot}.log");

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);

    [LoggerMessage(Level = LogLevel.Information, Message = "Worker {Worker} on {Device} started as process {Process}")]
    private partial void LogStarted(string worker, string device, int process);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Worker {Worker} (process {Process}) ended with exit code {ExitCode}, a new one is started; its log is {Log}")]
    private partial void LogExited(string worker, int process, int exitCode, string log);

    [LoggerMessage(Level = LogLevel.Warning, Message = "This machine has an NVIDIA driver, but its workers compute on the CPU: {Problem}. {Remedy}.")]
    private partial void LogNoCuda(string problem, string remedy);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Worker {Worker} (process {Process}) did not leave within {Seconds} s and was killed")]
    private partial void LogKilled(string worker, int process, double seconds);
}
