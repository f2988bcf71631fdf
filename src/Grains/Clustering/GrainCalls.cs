using Orleans.Runtime.Messaging;

namespace Spikeformer.Clustering;

/// <summary>Repeats grain calls that the cluster could not carry out: Orleans repeats none by itself.</summary>
public static class GrainCalls
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(50), s_longestPause = TimeSpan.FromSeconds(1);

    /// <summary>Makes a call until it is answered.</summary>
    /// <param name="call">The call. It may be carried out several times, also when an earlier try seemed to fail: a command must carry an id
    /// that makes it idempotent, chosen outside of this function.</param>
    /// <param name="patience">How long to try. The last try may outlast it by the response time-out.</param>
    /// <param name="cancellation">Ends the trying.</param>
    /// <exception cref="SpikeformerException">The cluster did not answer in that time (Unreachable).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Task<T> RetryAsync<T>(Func<Task<T>> call, TimeSpan patience, CancellationToken cancellation = default) =>
        RetryAsync(call, patience, TimeProvider.System, cancellation);

    /// <summary>The same for a call without a result.</summary>
    /// <param name="call">The call, idempotent as above.</param>
    /// <param name="patience">How long to try.</param>
    /// <param name="cancellation">Ends the trying.</param>
    /// <exception cref="SpikeformerException">The cluster did not answer in that time (Unreachable).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Task RetryAsync(Func<Task> call, TimeSpan patience, CancellationToken cancellation = default) =>
        RetryAsync(async () =>
        {
            await call().ConfigureAwait(true);
            return true;
        }, patience, TimeProvider.System, cancellation);

    /// <summary>Whether a call failed because of the cluster's state of the moment and not because of what was asked.</summary>
    public static bool IsTransient(Exception failure) => failure
        is TimeoutException or OrleansMessageRejectionException or SiloUnavailableException or ConnectionFailedException;

    /// <summary>The same on another clock.</summary>
    internal static async Task<T> RetryAsync<T>(Func<Task<T>> call, TimeSpan patience, TimeProvider time, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(call);
        long start = time.GetTimestamp();
        TimeSpan pause = s_firstPause;
        while (true)
        {
            try
            {
                // The context is kept: a grain that calls stays on its own scheduler.
                return await call().WaitAsync(cancellation).ConfigureAwait(true);
            }
            catch (Exception failure) when (IsTransient(failure))
            {
                if (time.GetElapsedTime(start) + pause > patience)
                    throw new SpikeformerException(ErrorKind.Unreachable, $"The cluster did not answer within {patience.TotalSeconds:0.#} s",
                        "Check that its silos run; the command may have been carried out, and repeating it does no harm", failure);
            }
            await Task.Delay(pause, time, cancellation).ConfigureAwait(true);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }
}
