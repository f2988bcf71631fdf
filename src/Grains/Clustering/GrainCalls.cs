using Orleans.Runtime.Messaging;

namespace Spikeformer.Clustering;

/// <summary>Repeats grain calls that the cluster could not carry out. Orleans does not repeat calls by itself.</summary>
public static class GrainCalls
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(50), s_longestPause = TimeSpan.FromSeconds(1);

    /// <summary>Repeats a call until it is answered.</summary>
    /// <param name="call">The call. It may be carried out several times, even if an earlier attempt seemed to fail. A command must therefore carry an id
    /// that makes it idempotent; choose the id outside of this function.</param>
    /// <param name="patience">How long to try. The last attempt may exceed this by the response time-out.</param>
    /// <param name="cancellation">Ends the attempts.</param>
    /// <exception cref="SpikeformerException">The cluster did not answer in time (Unreachable).</exception>
    /// <exception cref="OperationCanceledException">The attempts were cancelled.</exception>
    public static Task<T> RetryAsync<T>(Func<Task<T>> call, TimeSpan patience, CancellationToken cancellation = default) =>
        RetryAsync(call, patience, TimeProvider.System, cancellation);

    /// <summary>Repeats a call without a result until it is answered.</summary>
    /// <inheritdoc cref="RetryAsync{T}(Func{Task{T}}, TimeSpan, CancellationToken)"/>
    public static Task RetryAsync(Func<Task> call, TimeSpan patience, CancellationToken cancellation = default) =>
        RetryAsync(async () =>
        {
            await call().ConfigureAwait(true);
            return true;
        }, patience, TimeProvider.System, cancellation);

    /// <summary>Whether a call failed because of the cluster's momentary state, and not because of the call itself.</summary>
    internal static bool IsTransient(Exception failure) => failure
        is TimeoutException or OrleansMessageRejectionException or SiloUnavailableException or ConnectionFailedException;

    internal static async Task<T> RetryAsync<T>(Func<Task<T>> call, TimeSpan patience, TimeProvider time, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(call);
        long start = time.GetTimestamp();
        TimeSpan pause = s_firstPause;
        while (true)
        {
            try
            {
                // The context is kept, so that a calling grain stays on its own scheduler.
                return await call().WaitAsync(cancellation).ConfigureAwait(true);
            }
            catch (Exception failure) when (IsTransient(failure))
            {
                if (time.GetElapsedTime(start) + pause > patience)
                    throw new SpikeformerException(ErrorKind.Unreachable, $"The cluster did not answer within {patience.TotalSeconds:0.#} s",
                        "Check that its silos run; the command may have been carried out, and it is safe to repeat it", failure);
            }
            await Task.Delay(pause, time, cancellation).ConfigureAwait(true);
            pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
        }
    }
}
