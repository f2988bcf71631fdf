using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Spikeformer.Devices;
using Spikeformer.Files;
using Spikeformer.Metrics;
using Spikeformer.ObjectStore;
using Spikeformer.Silo.Devices;
using Spikeformer.Silo.Metrics;
using Spikeformer.Silo.Settings;
using Spikeformer.Silo.Worker.Session;
using Spikeformer.Workers;

namespace Spikeformer.Silo.Supervision;

/// <summary>Starts, watches and restarts one worker process for each device of a node silo, and adopts workers of the silo's earlier process. When the
/// silo stops in order, the workers leave their runs first.</summary>
internal sealed partial class WorkerSupervisor : BackgroundService, IWorkerKeeper
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), LongestPause = TimeSpan.FromSeconds(30), Steady = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10);
    // A worker leaves after a step and a checkpoint.
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(60);

    private readonly SiloSettings _settings;
    private readonly IMembershipTable _membership;
    private readonly ILogger<WorkerSupervisor> _logger;
    private readonly TimeProvider _time;
    private readonly IReadOnlyList<Device> _devices;
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _drained = [];
    private readonly ConcurrentDictionary<string, int> _processes = [];

    /// <summary>Finds the devices that the settings name.</summary>
    /// <exception cref="SpikeformerException">A device does not exist, or the limit of the memory is wrong.</exception>
    public WorkerSupervisor(SiloSettings settings, IMembershipTable membership, ILogger<WorkerSupervisor> logger, TimeProvider time)
    {
        (_settings, _membership, _logger, _time) = (settings, membership, logger, time);
        _devices = settings.Roles.HasFlag(SiloRoles.Node) ? DeviceInventory.OfThisMachine.Select(settings.Devices) : [];
        // A wrong value ends the silo now, rather than each of its workers later.
        _ = MachineMemory.Limit;
        if (_devices.Count > 0 && settings.Devices == DeviceSelection.Auto && CudaLibrary.HasDriver && CudaLibrary.Problem is { } problem)
            LogNoCuda(problem.What, problem.Remedy);
    }

    /// <summary>Adds the supervisor to the services of a silo; it starts after the silo and stops before it.</summary>
    public static void AddTo(IServiceCollection services, SiloSettings settings)
    {
        services.AddSingleton<WorkerSupervisor>();
        services.AddSingleton<IWorkerKeeper>(provider => provider.GetRequiredService<WorkerSupervisor>());
        services.AddHostedService(provider => provider.GetRequiredService<WorkerSupervisor>());
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Tail(string worker, int lines)
    {
        string file = LogFile(int.Parse(worker[(worker.LastIndexOf('/') + 1)..], CultureInfo.InvariantCulture));
        return File.Exists(file) ? File.ReadLines(file).TakeLast(lines).ToArray() : [];
    }

    /// <inheritdoc/>
    public void Drain(string worker) => _drained.TryAdd(worker, new(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <inheritdoc/>
    public void Undrain(string worker)
    {
        if (_drained.TryRemove(worker, out TaskCompletionSource? undone)) undone.SetResult();
    }

    /// <inheritdoc/>
    public bool IsDrained(string worker) => _drained.ContainsKey(worker);

    /// <inheritdoc/>
    public bool IsRunning(string worker) => _processes.ContainsKey(worker);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stopping)
    {
        if (_devices.Count == 0) return;
        await Task.Yield();
        Directory.CreateDirectory(LogFolder);
        using FileLock agent = FileLock.TryAcquire(Locks.Agent, LockPatience, out string owner)
            ?? throw new SpikeformerException(ErrorKind.Conflict, $"{owner} already runs as silo {_settings.SiloName}", "Stop it, or choose another name with --name");
        await Task.WhenAll(_devices.Select(device => KeepAsync(device, stopping)));
    }

    /// <summary>Keeps the worker of a device alive. The pauses before restarts grow while it ends early.</summary>
    private async Task KeepAsync(Device device, CancellationToken stopping)
    {
        TimeSpan pause = FirstPause;
        while (!stopping.IsCancellationRequested)
        {
            if (_drained.TryGetValue(Name(device), out TaskCompletionSource? undone))
            {
                await undone.Task.WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }
            long began = _time.GetTimestamp();
            Process? orphan = OrphanOn(device);
            // An adopted worker writes to the page of the silo process that started it.
            using MeasurementReader? measurements = orphan is null ? Measure(device) : null;
            using Process process = orphan ?? Process.Start(await CommandAsync(device, measurements?.Path))!;
            if (orphan is null) LogStarted(Name(device), device.ToString(), process.Id);
            else LogAdopted(Name(device), device.ToString(), process.Id);
            _processes[Name(device)] = process.Id;
            try
            {
                await process.WaitForExitAsync(stopping);
            }
            catch (OperationCanceledException)
            {
                await DrainAsync(process, device);
                return;
            }
            _processes.TryRemove(Name(device), out _);
            measurements?.Dispose();
            if (stopping.IsCancellationRequested) return;
            string exitCode = orphan is null ? $"{process.ExitCode}" : "unknown";
            if (IsDrained(Name(device)))
            {
                LogDrained(Name(device), process.Id, exitCode);
                continue;
            }
            LogExited(Name(device), process.Id, exitCode, LogFile(device.Slot));
            if (_time.GetElapsedTime(began) > Steady) pause = FirstPause;
            await Task.Delay(pause, _time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>Returns the worker on a device that an earlier process of this silo has started, or null.</summary>
    private Process? OrphanOn(Device device)
    {
        if (FileLock.OwnerOf(Locks.Worker(device.Slot)) is not { } id) return null;
        try
        {
            return Process.GetProcessById(id);
        }
        catch (ArgumentException)
        {
            return null; // the process has just ended
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

    /// <summary>Creates the reader for the measurements of a worker; null if they are switched off, or there is no room for them.</summary>
    private MeasurementReader? Measure(Device device)
    {
        if (!_settings.WorkerMetrics) return null;
        try
        {
            return new(SeriesStore.OfThisProcess, Name(device), device.ToString(), _time);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogUnmeasured(Name(device), error.Message);
            return null;
        }
    }

    private async Task<ProcessStartInfo> CommandAsync(Device device, string? metrics)
    {
        string program = Environment.ProcessPath!, assembly = typeof(WorkerSupervisor).Assembly.Location;
        bool isHosted = Path.GetFileNameWithoutExtension(program) == "dotnet";
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true };
        string[] arguments =
        [
            .. isHosted ? [assembly] : Array.Empty<string>(), "worker", "--name", Name(device), "--device", device.ToString(),
            .. await ClusterArgumentsAsync(), "--cluster-id", _settings.ClusterId, "--service-id", _settings.ServiceId,
            "--data-address", _settings.AdvertisedAddress.ToString(), "--data-port", $"{(_settings.DataPort == 0 ? 0 : _settings.DataPort + device.Slot)}",
            "--log", LogFile(device.Slot), "--agent-lock", Locks.Agent, "--device-lock", Locks.Worker(device.Slot), "--orphan-grace", $"{_settings.OrphanGrace}",
            "--silo-workers", $"{_devices.Count}",
            .. metrics is null ? Array.Empty<string>() : ["--metrics", metrics],
        ];
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        // Not as an argument, which other users can read: it may hold a password.
        if (_settings.Redis is { } redis) start.Environment[WorkerOptions.RedisVariable] = redis;
        _settings.Tls?.WriteTo(start.Environment);
        start.Environment[CheckpointPlaces.Variable] = _settings.Checkpoints;
        _settings.S3.ApplyTo(start.Environment);
        ComputeEnvironment.ApplyTo(start);
        if (device.Kind is DeviceKind.Cuda) CudaLibrary.ApplyTo(start, device.Index);
        return start;
    }

    /// <summary>Returns the options by which a worker finds the cluster: the state directory, or with Redis all gateways, the one of this silo
    /// first.</summary>
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

    private AgentLocks Locks => new(LogFolder, _settings.SiloName);

    private string LogFolder => _settings.WorkerLogs ?? Path.Combine(_settings.StateDirectory, "workers");

    private string LogFile(int slot) => Path.Combine(LogFolder, $"{slot}.log");

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Worker {Worker} has no metrics: {Problem}")]
    private partial void LogUnmeasured(string worker, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "Worker {Worker} on {Device} started as process {Process}")]
    private partial void LogStarted(string worker, string device, int process);

    [LoggerMessage(Level = LogLevel.Information, Message = "Worker {Worker} on {Device} adopted from an earlier silo as process {Process}")]
    private partial void LogAdopted(string worker, string device, int process);

    [LoggerMessage(Level = LogLevel.Information, Message = "Worker {Worker} (process {Process}) ended with exit code {ExitCode} and is drained; 'drain {Worker} --undo' puts it back into service")]
    private partial void LogDrained(string worker, int process, string exitCode);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Worker {Worker} (process {Process}) ended with exit code {ExitCode}; restarting it. Its log is {Log}")]
    private partial void LogExited(string worker, int process, string exitCode, string log);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The workers compute on the CPU although this machine has an NVIDIA driver: {Problem}. {Remedy}.")]
    private partial void LogNoCuda(string problem, string remedy);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Worker {Worker} (process {Process}) did not leave within {Seconds} seconds and was killed")]
    private partial void LogKilled(string worker, int process, double seconds);
}
