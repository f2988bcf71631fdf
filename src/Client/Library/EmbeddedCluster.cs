using System.Diagnostics;
using System.Globalization;
using Spikeformer.Checkpoints;
using Spikeformer.Clustering;
using Spikeformer.Clustering.Tls;

namespace Spikeformer.Client;

/// <summary>
/// A cluster for this process: one silo with both roles, a child process on the loopback device with free ports and its state in files. It ends with
/// <see cref="DisposeAsync"/> or with this process, even if that is killed.
/// </summary>
public sealed class EmbeddedCluster : IAsyncDisposable, IDisposable
{
    /// <summary>Environment variable with the path of <c>spikeformer-silo.dll</c>, needed if that is neither beside this library nor in <c>silo/</c>.</summary>
    public const string ProgramVariable = "SPIKEFORMER_SILO";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60), StopLimit = TimeSpan.FromSeconds(75), PollInterval = TimeSpan.FromMilliseconds(50);
    private readonly Process _silo;
    private readonly string _state;

    private EmbeddedCluster(Process silo, string state, SiloEndpoints endpoints) => (_silo, _state, Endpoints) = (silo, state, endpoints);

    /// <summary>The addresses on which the silo listens.</summary>
    public SiloEndpoints Endpoints { get; }

    /// <summary>The address of the cluster for clients.</summary>
    public ClusterAddress Address => ClusterAddress.OfDirectory(_state);

    /// <summary>Starts a cluster and returns when it accepts runs.</summary>
    /// <param name="directory">The run directory. The state goes to <c>cluster/</c>, the logs of the workers go to <c>workers/</c>.</param>
    /// <param name="workers">Number of CPU workers.</param>
    /// <param name="cancellation">Cancels the start.</param>
    /// <exception cref="SpikeformerException">The silo program is missing (Usage), another process uses the directory (Conflict), or the silo does not
    /// start (Failed).</exception>
    public static async Task<EmbeddedCluster> StartAsync(string directory, int workers, CancellationToken cancellation = default)
    {
        string clusters = Path.Combine(Path.GetFullPath(directory), "cluster");
        await AwaitOrphansAsync(directory, clusters, cancellation).ConfigureAwait(false);
        foreach (string leftover in Leftovers(clusters)) Remove(leftover);
        // A new folder: with the state of a killed cluster, the silo would wait for silos that no longer exist.
        string state = Path.Combine(clusters, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)), endpointFile = Path.Combine(state, "endpoints.json");
        Directory.CreateDirectory(state);
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardError = true };
        string[] arguments =
        [
            Program(), "run", "--parent-pipe", "--name", "local", "--state", state, "--endpoint-file", endpointFile, "--silo-port", "0", "--gateway-port", "0",
            "--http-port", "0", "--devices", $"cpu:{workers}", "--worker-logs", Path.Combine(Path.GetFullPath(directory), "workers"), "--orphan-grace", "0",
        ];
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        // Other machines cannot reach the loopback device, so that certificates are not needed.
        TlsSettings.Clear(start.Environment);
        Process silo = Process.Start(start)!;
        // The messages are kept to explain a failed start.
        var log = new SiloLog(silo.StandardError, Path.Combine(state, "silo.log"));
        long began = TimeProvider.System.GetTimestamp();
        try
        {
            while (true)
            {
                if (SiloEndpoints.TryRead(endpointFile) is { } endpoints) return new(silo, state, endpoints);
                if (silo.HasExited || TimeProvider.System.GetElapsedTime(began) > StartLimit)
                    throw new SpikeformerException(ErrorKind.Failed, $"The cluster of this run did not start: {log.Last.TrimEnd('.')}", $"See {log.File}");
                await Task.Delay(PollInterval, TimeProvider.System, cancellation).ConfigureAwait(false);
            }
        }
        catch
        {
            if (!silo.HasExited) silo.Kill(entireProcessTree: true);
            silo.Dispose();
            throw;
        }
    }

    /// <summary>Stops the silo and its workers in order and removes their state.</summary>
    public async ValueTask DisposeAsync()
    {
        _silo.StandardInput.Close();
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            await _silo.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _silo.Kill(entireProcessTree: true);
        }
        _silo.Dispose();
        Remove(_state);
    }

    /// <summary>Stops the cluster and waits for the end, for <c>use</c> in F# scripts.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static string Program()
    {
        const string file = "spikeformer-silo.dll";
        // Not beside the program, which for a script is the interpreter.
        string folder = Path.GetDirectoryName(typeof(EmbeddedCluster).Assembly.Location)!;
        string[] places = Environment.GetEnvironmentVariable(ProgramVariable) is { Length: > 0 } given
            ? [given]
            : [Path.Combine(folder, file), Path.Combine(folder, "silo", file)];
        return places.FirstOrDefault(File.Exists) ?? throw new SpikeformerException(ErrorKind.Usage,
            $"There is no silo program at {string.Join(" or ", places)}", $"Build src/Silo and set {ProgramVariable} to its spikeformer-silo.dll");
    }

    /// <summary>Waits for the silo and the workers of a killed program: they save and leave, and own the run directory and their state until then.</summary>
    private static async Task AwaitOrphansAsync(string directory, string clusters, CancellationToken cancellation)
    {
        long began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            bool isHeld = RunLock.IsHeld(directory);
            string[] leftovers = Leftovers(clusters);
            if (!isHeld && !AreInUse(leftovers)) return;
            bool isOwned = leftovers.Length == 0 || Directory.GetDirectories(clusters).Any(state => OwnerOf(state) is { } owner && IsAlive(owner));
            if (isHeld && isOwned || TimeProvider.System.GetElapsedTime(began) > StopLimit)
                throw new SpikeformerException(ErrorKind.Conflict, $"The run directory {directory} is in use by another process", "Wait for it, stop it, or choose another --out");
            await Task.Delay(PollInterval, TimeProvider.System, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Returns the states of clusters whose programs have ended.</summary>
    private static string[] Leftovers(string clusters) => !Directory.Exists(clusters)
        ? []
        : [.. Directory.GetDirectories(clusters).Where(state => OwnerOf(state) is { } owner && !IsAlive(owner))];

    /// <summary>Returns the process that created a state; null for another folder.</summary>
    private static int? OwnerOf(string state) => int.TryParse(Path.GetFileName(state), CultureInfo.InvariantCulture, out int owner) ? owner : null;

    /// <summary>Whether a silo or a worker with one of these states still runs: its command line names the state. A process that has just started holds
    /// no lock yet.</summary>
    private static bool AreInUse(string[] states)
    {
        if (states.Length == 0) return false;
        return Directory.GetDirectories("/proc").Where(process => char.IsAsciiDigit(Path.GetFileName(process)[0])).Any(process =>
        {
            try
            {
                return File.ReadAllText(Path.Combine(process, "cmdline")).Split('\0').Intersect(states).Any();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return false; // the process has just ended, or belongs to another user
            }
        });
    }

    /// <summary>Whether another process with this id runs. An ended process stays in the table as a zombie until its parent waits for it.</summary>
    private static bool IsAlive(int process)
    {
        if (process == Environment.ProcessId) return false; // an earlier process had the same id: in a container ids start at 1 each time
        try
        {
            // The state follows the name, which is in parentheses and may hold any character.
            string stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void Remove(string state)
    {
        try
        {
            Directory.Delete(state, recursive: true);
        }
        catch (IOException)
        {
            // A process that is just ending still writes there. The next start removes the folder.
        }
    }

    /// <summary>Copies the messages of a silo to a file.</summary>
    private sealed class SiloLog
    {
        private volatile string _last = "it printed no message";

        public SiloLog(StreamReader messages, string file)
        {
            File = file;
            _ = Task.Run(async () =>
            {
                await using var copy = new StreamWriter(file, append: true) { AutoFlush = true };
                while (await messages.ReadLineAsync().ConfigureAwait(false) is { } line)
                {
                    _last = line;
                    await copy.WriteLineAsync(line).ConfigureAwait(false);
                }
            });
        }

        public string File { get; }

        public string Last => _last;
    }
}
