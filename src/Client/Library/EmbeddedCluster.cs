using System.Diagnostics;
using System.Globalization;
using Spikeformer.Checkpoints;
using Spikeformer.Clustering;
using Spikeformer.Clustering.Tls;

namespace Spikeformer.Client;

/// <summary>
/// A cluster of this process's own: one silo with both roles as a child on the loopback device, with free ports and its state in files. It ends
/// with <see cref="DisposeAsync"/>, or with this process, whatever that dies of.
/// </summary>
public sealed class EmbeddedCluster : IAsyncDisposable, IDisposable
{
    /// <summary>Environment variable with the path of <c>spikeformer-silo.dll</c>, when it lies neither beside this library nor in <c>silo/</c>.</summary>
    public const string ProgramVariable = "SPIKEFORMER_SILO";

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60), StopLimit = TimeSpan.FromSeconds(75), PollInterval = TimeSpan.FromMilliseconds(50);
    private readonly Process _silo;
    private readonly string _state;

    private EmbeddedCluster(Process silo, string state, SiloEndpoints endpoints) => (_silo, _state, Endpoints) = (silo, state, endpoints);

    /// <summary>Where the silo listens.</summary>
    public SiloEndpoints Endpoints { get; }

    /// <summary>Where clients find the cluster.</summary>
    public ClusterAddress Address => ClusterAddress.OfDirectory(_state);

    /// <summary>Starts a cluster; returns when it takes runs.</summary>
    /// <param name="directory">The run directory: state goes to <c>cluster/</c>, the workers' logs to <c>workers/</c>.</param>
    /// <param name="workers">Number of CPU workers.</param>
    /// <param name="cancellation">Ends the start.</param>
    /// <exception cref="SpikeformerException">The silo cannot be started.</exception>
    public static async Task<EmbeddedCluster> StartAsync(string directory, int workers, CancellationToken cancellation = default)
    {
        string clusters = Path.Combine(Path.GetFullPath(directory), "cluster");
        await AwaitOrphansAsync(directory, clusters, cancellation).ConfigureAwait(false);
        foreach (string leftover in Leftovers(clusters)) Remove(leftover);
        // A folder of its own: what a killed cluster left behind would make this one wait for silos that are no more.
        string state = Path.Combine(clusters, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)), endpointFile = Path.Combine(state, "endpoints.json");
        Directory.CreateDirectory(state);
        var start = new ProcessStartInfo("dotnet") { RedirectStandardInput = true, RedirectStandardError = true };
        string[] arguments =
        [
            Program(), "run", "--parent-pipe", "--name", "local", "--state", state, "--endpoint-file", endpointFile, "--silo-port", "0", "--gateway-port", "0",
            "--http-port", "0", "--devices", $"cpu:{workers}", "--worker-logs", Path.Combine(Path.GetFullPath(directory), "workers"), "--orphan-grace", "0",
        ];
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        // Nobody else reaches the loopback device: certificates are for clusters of several machines.
        TlsSettings.Clear(start.Environment);
        Process silo = Process.Start(start)!;
        // Its talk is kept, so that a start that fails can say why.
        var log = new SiloLog(silo.StandardError, Path.Combine(state, "silo.log"));
        long began = TimeProvider.System.GetTimestamp();
        try
        {
            while (true)
            {
                if (SiloEndpoints.TryRead(endpointFile) is { } endpoints) return new(silo, state, endpoints);
                if (silo.HasExited || TimeProvider.System.GetElapsedTime(began) > StartLimit)
                    throw new SpikeformerException(ErrorKind.Failed, $"The cluster of this run did not start: {log.Last}", $"See {log.File}");
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

    /// <summary>Ends the silo and its workers in order and removes their state.</summary>
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

    /// <summary>The same, waiting for it: for F# scripts, whose <c>use</c> knows no other.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static string Program()
    {
        const string file = "spikeformer-silo.dll";
        // Beside this library and not beside the program: for a script, the program is the interpreter.
        string folder = Path.GetDirectoryName(typeof(EmbeddedCluster).Assembly.Location)!;
        string[] places = Environment.GetEnvironmentVariable(ProgramVariable) is { Length: > 0 } given
            ? [given]
            : [Path.Combine(folder, file), Path.Combine(folder, "silo", file)];
        return places.FirstOrDefault(File.Exists) ?? throw new SpikeformerException(ErrorKind.Usage,
            $"There is no silo program at {string.Join(" or ", places)}", $"Build src/Silo and set {ProgramVariable} to its spikeformer-silo.dll");
    }

    /// <summary>When the program that started a run was killed, its silo and workers still save and leave; run directory and state are theirs until then.</summary>
    private static async Task AwaitOrphansAsync(string directory, string clusters, CancellationToken cancellation)
    {
        long began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            bool isHeld = RunLock.IsHeld(directory);
            string[] leftovers = Leftovers(clusters);
            if (!isHeld && !AreServed(leftovers)) return;
            bool isOwned = leftovers.Length == 0 || Directory.GetDirectories(clusters).Any(state => OwnerOf(state) is { } owner && IsAlive(owner));
            if (isHeld && isOwned || TimeProvider.System.GetElapsedTime(began) > StopLimit)
                throw new SpikeformerException(ErrorKind.Conflict, $"The run directory {directory} is in use by another process", "Wait for it, stop it, or choose another --out");
            await Task.Delay(PollInterval, TimeProvider.System, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>States of clusters whose programs are no more.</summary>
    private static string[] Leftovers(string clusters) => !Directory.Exists(clusters)
        ? []
        : [.. Directory.GetDirectories(clusters).Where(state => OwnerOf(state) is { } owner && !IsAlive(owner))];

    /// <summary>The program that a state is of; null for a folder of somebody else.</summary>
    private static int? OwnerOf(string state) => int.TryParse(Path.GetFileName(state), CultureInfo.InvariantCulture, out int owner) ? owner : null;

    /// <summary>Whether a silo or a worker of such a cluster still runs: its command line names the state. One that has just begun holds no lock yet.</summary>
    private static bool AreServed(string[] states)
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
                return false; // it has just ended, or is another user's
            }
        });
    }

    /// <summary>Whether another process has this id. One that has ended stays in the table, as a zombie, until its parent asks for it.</summary>
    private static bool IsAlive(int process)
    {
        if (process == Environment.ProcessId) return false; // had by an earlier one: in a container they begin at 1 each time
        try
        {
            // The state follows the name, which is in brackets and may hold anything.
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
            // A process that is just ending still writes there; the next start removes it.
        }
    }

    /// <summary>Copies a silo's talk to a file.</summary>
    private sealed class SiloLog
    {
        private volatile string _last = "it said nothing";

        public SiloLog(StreamReader talk, string file)
        {
            File = file;
            _ = Task.Run(async () =>
            {
                await using var copy = new StreamWriter(file, append: true) { AutoFlush = true };
                while (await talk.ReadLineAsync().ConfigureAwait(false) is { } line)
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
