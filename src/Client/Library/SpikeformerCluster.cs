using System.Runtime.CompilerServices;
using Spikeformer.Clustering;
using Spikeformer.Clustering.Tls;
using Spikeformer.Contracts;

namespace Spikeformer.Client;

/// <summary>
/// A connection to a cluster, to start, follow and stop runs from C# and F#. The command line uses the same class. Thread-safe.
/// </summary>
public sealed class SpikeformerCluster : IAsyncDisposable, IDisposable
{
    // Longer than a lost message or a change of coordinators takes, even on a busy machine.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60), NewsInterval = TimeSpan.FromMilliseconds(250);
    private readonly ClusterClient _client;

    private SpikeformerCluster(ClusterClient client) => _client = client;

    /// <summary>Connects to a cluster, over TLS if the environment names certificates (<see cref="TlsSettings.OfEnvironment"/>).</summary>
    /// <param name="address">The gateways of the cluster, <c>host:port[,host:port…]</c>, or the state directory of silos on this machine, a path with a
    /// slash.</param>
    /// <param name="cancellation">Cancels the attempt.</param>
    /// <exception cref="SpikeformerException">No gateway answers within 15 seconds, or TLS refuses this program (Unreachable); or the address or the
    /// certificate files are wrong (Usage).</exception>
    public static Task<SpikeformerCluster> ConnectAsync(string address, CancellationToken cancellation = default) =>
        ConnectAsync(AddressOf(address) with { Tls = TlsSettings.OfEnvironment() }, cancellation);

    /// <summary>Connects to a cluster.</summary>
    /// <param name="address">The address of the cluster, and the certificate of this program; the environment is not read.</param>
    /// <param name="cancellation">Cancels the attempt.</param>
    /// <exception cref="SpikeformerException">No gateway answers within 15 seconds, or TLS refuses this program (Unreachable); or certificate files are
    /// wrong (Usage).</exception>
    public static async Task<SpikeformerCluster> ConnectAsync(ClusterAddress address, CancellationToken cancellation = default) =>
        new(await ClusterClient.ConnectAsync(address, cancellation).ConfigureAwait(false));

    /// <summary>Starts a run, or resumes a run that has ended. Returns when the cluster has accepted it.</summary>
    /// <param name="spec">The run; see <see cref="RunSpecs"/>.</param>
    /// <param name="cancellation">Ends the call, not the run.</param>
    /// <exception cref="SpikeformerException">The name is taken (Conflict), the recipe is wrong (Usage), or the cluster does not answer
    /// (Unreachable).</exception>
    public Task<RunStatus> StartAsync(RunSpec spec, CancellationToken cancellation = default) =>
        CommandAsync(spec.Name, (run, command) => run.Start(command, spec), cancellation);

    /// <summary>Continues a run of this cluster that has ended, as it was started.</summary>
    /// <param name="run">Name of the run.</param>
    /// <param name="cancellation">Ends the call, not the run.</param>
    /// <exception cref="SpikeformerException">There is no such run (NotFound), it has not ended or is complete (Conflict), or the cluster does not answer
    /// (Unreachable).</exception>
    public Task<RunStatus> ResumeAsync(string run, CancellationToken cancellation = default) => ResumeChangedAsync(run, RunChanges.None, cancellation);

    /// <summary>Continues a run of this cluster that has ended, with changes. They change its result from there on, which the run records as a new
    /// lineage.</summary>
    /// <param name="run">Name of the run.</param>
    /// <param name="changes">The changes, and the names of the differences to allow.</param>
    /// <param name="cancellation">Ends the call, not the run.</param>
    /// <exception cref="SpikeformerException">There is no such run (NotFound), it has not ended or a change is not allowed by name (Conflict), the changed
    /// recipe is wrong (Usage), or the cluster does not answer (Unreachable).</exception>
    public Task<RunStatus> ResumeChangedAsync(string run, RunChanges changes, CancellationToken cancellation = default) =>
        CommandAsync(run, (grain, command) => grain.Resume(command, changes), cancellation);

    /// <summary>Asks a run to save a checkpoint and stop. Returns when the cluster has recorded the request; follow the run to see its end.</summary>
    /// <param name="run">Name of the run.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="SpikeformerException">There is no such run (NotFound), or the cluster does not answer (Unreachable).</exception>
    public Task<RunStatus> StopAsync(string run, CancellationToken cancellation = default) =>
        CommandAsync(run, (grain, command) => grain.Stop(command), cancellation);

    /// <summary>Cancels a run at once, without a checkpoint.</summary>
    /// <param name="run">Name of the run.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="SpikeformerException">There is no such run (NotFound), or the cluster does not answer (Unreachable).</exception>
    public Task<RunStatus> CancelAsync(string run, CancellationToken cancellation = default) =>
        CommandAsync(run, (grain, command) => grain.Cancel(command), cancellation);

    /// <summary>Returns the status of a run.</summary>
    /// <param name="run">Name of the run.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="SpikeformerException">There is no such run (NotFound), or the cluster does not answer (Unreachable).</exception>
    public async Task<RunStatus> StatusAsync(string run, CancellationToken cancellation = default)
    {
        RunStatus status = await Ask(() => Run(run).Status(), cancellation).ConfigureAwait(false);
        return status.State is RunState.None ? throw Unknown(run) : status;
    }

    /// <summary>Returns the news of a run since a position.</summary>
    /// <param name="run">Name of the run.</param>
    /// <param name="since">The position; an empty one for all news.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="SpikeformerException">The cluster does not answer (Unreachable).</exception>
    public Task<RunNews> NewsAsync(string run, NewsPosition since, CancellationToken cancellation = default) => Ask(() => Run(run).News(since), cancellation);

    /// <summary>Returns all runs of the cluster, newest first.</summary>
    /// <param name="cancellation">Ends the call.</param>
    public Task<IReadOnlyList<RunEntry>> ListAsync(CancellationToken cancellation = default) => Ask(() => Directory.Runs(), cancellation);

    /// <summary>Returns all workers that have reported in the last 10 seconds.</summary>
    /// <param name="cancellation">Ends the call.</param>
    public Task<IReadOnlyList<WorkerStatus>> WorkersAsync(CancellationToken cancellation = default) => Ask(() => Directory.Workers(), cancellation);

    /// <summary>Returns a worker that has reported within the last 10 seconds, or is drained.</summary>
    /// <param name="worker">The worker, <c>silo/slot</c>.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="SpikeformerException">There is no such worker (NotFound), or the cluster does not answer (Unreachable).</exception>
    public async Task<WorkerStatus> WorkerAsync(string worker, CancellationToken cancellation = default)
    {
        IReadOnlyList<WorkerStatus> workers = await WorkersAsync(cancellation).ConfigureAwait(false);
        return workers.FirstOrDefault(one => one.Report.Info.Worker == worker)
            ?? throw new SpikeformerException(ErrorKind.NotFound, $"There is no worker {worker} in this cluster", workers.Count == 0
                ? "Start a silo with devices; this cluster has no workers"
                : $"Name one of {string.Join(", ", workers.Select(one => one.Report.Info.Worker))}");
    }

    /// <summary>Returns a data shard of a run: its owner, and the committed samples.</summary>
    /// <param name="run">The run.</param>
    /// <param name="shard">v, 0 to V-1.</param>
    /// <param name="cancellation">Ends the call.</param>
    public Task<ShardStatus> ShardAsync(string run, int shard, CancellationToken cancellation = default) =>
        Ask(() => _client.Grains.GetGrain<IShardGrain>($"{run}/{shard}").Status(), cancellation);

    /// <summary>Returns the last lines of the log of a worker.</summary>
    /// <param name="worker">The worker, <c>silo/slot</c>.</param>
    /// <param name="lines">Maximum number of lines.</param>
    /// <param name="cancellation">Ends the call.</param>
    public Task<IReadOnlyList<string>> LogAsync(string worker, int lines, CancellationToken cancellation = default) =>
        Ask(() => _client.Grains.GetGrain<IWorkerGrain>(worker).Log(lines), cancellation);

    /// <summary>Asks a worker to leave its run at the next boundary and exit. Its silo starts no other one in its place until
    /// <see cref="UndrainAsync"/>, or until the silo restarts.</summary>
    /// <param name="worker">The worker, <c>silo/slot</c>.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <returns>The worker before the drain.</returns>
    /// <exception cref="SpikeformerException">There is no such worker (NotFound), or the cluster does not answer (Unreachable).</exception>
    public Task<WorkerStatus> DrainAsync(string worker, CancellationToken cancellation = default) =>
        OrderAsync(worker, twin => twin.Drain(), cancellation);

    /// <summary>Puts a drained worker back into service: its silo starts a process for it.</summary>
    /// <param name="worker">The worker, <c>silo/slot</c>.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <returns>The worker before that.</returns>
    /// <exception cref="SpikeformerException">There is no such worker (NotFound), or the cluster does not answer (Unreachable).</exception>
    public Task<WorkerStatus> UndrainAsync(string worker, CancellationToken cancellation = default) =>
        OrderAsync(worker, twin => twin.Undrain(), cancellation);

    /// <summary>Waits until the process of a worker that drains has exited, or its silo is gone.</summary>
    /// <param name="worker">The worker, <c>silo/slot</c>.</param>
    /// <param name="cancellation">Ends the call, not the drain.</param>
    /// <exception cref="SpikeformerException">The drain was undone meanwhile (Conflict), or the cluster does not answer (Unreachable).</exception>
    public async Task WaitDrainedAsync(string worker, CancellationToken cancellation = default)
    {
        ulong? process = null;
        while ((await WorkersAsync(cancellation).ConfigureAwait(false)).FirstOrDefault(one => one.Report.Info.Worker == worker)?.Report is { } report)
        {
            if (report.Phase is WorkerPhase.Drained) return;
            if (report.Info.Incarnation != (process ??= report.Info.Incarnation))
                throw new SpikeformerException(ErrorKind.Conflict, $"Worker {worker} is back in service", "Drain it again if it should stay out of service");
            await Task.Delay(NewsInterval, TimeProvider.System, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Follows a run to its end: returns all that is known of it, then what is new. If the cluster is unreachable for a while, the news are only
    /// late.</summary>
    /// <param name="run">Name of the run.</param>
    /// <param name="cancellation">Ends the call, not the run.</param>
    /// <exception cref="SpikeformerException">There is no such run (NotFound), or the cluster does not answer (Unreachable).</exception>
    public async IAsyncEnumerable<RunNews> FollowAsync(string run, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var position = new NewsPosition();
        while (true)
        {
            NewsPosition since = position;
            RunNews news = await Ask(() => Run(run).News(since), cancellation).ConfigureAwait(false);
            if (news.Status.State is RunState.None) throw Unknown(run);
            yield return news;
            if (RunStates.IsOver(news.Status.State)) yield break;
            position = new()
            {
                Event = news.Events.Count > 0 ? news.Events[^1].Sequence : position.Event,
                Step = news.Commits.Count > 0 ? news.Commits[^1].Step : position.Step,
                Epochs = news.Epochs.Count > 0 ? news.Epochs[^1].Epoch + 1 : position.Epochs,
            };
            await Task.Delay(NewsInterval, TimeProvider.System, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Follows a run to its end and calls a handler with the news.</summary>
    /// <param name="run">Name of the run.</param>
    /// <param name="handler">Gets the news in order. To await something, loop over <see cref="FollowAsync"/> instead.</param>
    /// <param name="cancellation">Ends the call, not the run.</param>
    /// <returns>The last status of the run.</returns>
    /// <exception cref="SpikeformerException">There is no such run (NotFound), or the cluster does not answer (Unreachable).</exception>
    public async Task<RunStatus> ForEachNewsAsync(string run, Action<RunNews> handler, CancellationToken cancellation = default)
    {
        RunStatus? last = null;
        await foreach (RunNews news in FollowAsync(run, cancellation).ConfigureAwait(false))
        {
            handler(news);
            last = news.Status;
        }
        return last!;
    }

    /// <summary>Waits for the end of a run.</summary>
    /// <param name="run">Name of the run.</param>
    /// <param name="cancellation">Ends the call, not the run.</param>
    /// <returns>The last status of the run.</returns>
    /// <exception cref="SpikeformerException">There is no such run (NotFound), or the cluster does not answer (Unreachable).</exception>
    public Task<RunStatus> WaitAsync(string run, CancellationToken cancellation = default) => ForEachNewsAsync(run, _ => { }, cancellation);

    /// <summary>Disconnects. Runs continue.</summary>
    public ValueTask DisposeAsync() => _client.DisposeAsync();

    /// <summary>Disconnects and waits for the end, for <c>use</c> in F# scripts.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>Parses an address: gateways, or a state directory.</summary>
    internal static ClusterAddress AddressOf(string text) => text.Contains('/') ? ClusterAddress.OfDirectory(text) : ClusterAddress.Parse(text);

    private IRunDirectoryGrain Directory => _client.Grains.GetGrain<IRunDirectoryGrain>(0);

    private IRunGrain Run(string run) => _client.Grains.GetGrain<IRunGrain>(run);

    private async Task<RunStatus> CommandAsync(string run, Func<IRunGrain, RunCommand, Task<CommandReply>> send, CancellationToken cancellation)
    {
        var command = new RunCommand { Id = Guid.NewGuid(), By = Environment.UserName };
        CommandReply reply = await Ask(() => send(Run(run), command), cancellation).ConfigureAwait(false);
        return reply.Refusal is null ? reply.Status : throw new SpikeformerException((ErrorKind)reply.ExitCode, reply.Refusal, reply.Remedy);
    }

    private async Task<WorkerStatus> OrderAsync(string worker, Func<IWorkerGrain, Task> send, CancellationToken cancellation)
    {
        WorkerStatus status = await WorkerAsync(worker, cancellation).ConfigureAwait(false);
        await GrainCalls.RetryAsync(() => send(_client.Grains.GetGrain<IWorkerGrain>(worker)), Patience, cancellation).ConfigureAwait(false);
        return status;
    }

    private static Task<T> Ask<T>(Func<Task<T>> call, CancellationToken cancellation) => GrainCalls.RetryAsync(call, Patience, cancellation);

    private static SpikeformerException Unknown(string run) =>
        new(ErrorKind.NotFound, $"There is no run {run} in this cluster", "'list' shows the runs of this cluster");
}
