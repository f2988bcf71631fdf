using Amazon.S3;
using Polly;
using Polly.Retry;
using Polly.Timeout;
using Spikeformer.Files;

namespace Spikeformer.ObjectStore;

/// <summary>Requests to one place of an object store: limited in time, and tried again with growing pauses where the store or the network may
/// do better next time. All our requests may be repeated: the same content goes to the same key.</summary>
internal sealed class S3Calls
{
    private readonly IAmazonS3 _s3;
    private readonly ResiliencePipeline _tries;
    private readonly S3Limits _limits;

    /// <param name="s3">The store.</param>
    /// <param name="address">The place, for messages.</param>
    /// <param name="limits">How long requests are tried.</param>
    /// <param name="time">Clock of limits and pauses.</param>
    public S3Calls(IAmazonS3 s3, S3Address address, S3Limits limits, TimeProvider time)
    {
        (_s3, Address, _limits) = (s3, address, limits);
        _tries = new ResiliencePipelineBuilder { TimeProvider = time }
            .AddTimeout(limits.Request)
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = tried => ValueTask.FromResult(tried.Outcome.Exception is { } error && S3Errors.IsTransient(error)),
                MaxRetryAttempts = limits.Retries, BackoffType = DelayBackoffType.Exponential, UseJitter = true,
                Delay = limits.FirstPause, MaxDelay = limits.LongestPause,
            })
            .AddTimeout(limits.Try)
            .Build();
    }

    /// <summary>The place.</summary>
    public S3Address Address { get; }

    /// <summary>Bytes that one request carries at most.</summary>
    public int PartBytes => _limits.PartBytes;

    private string Endpoint => _s3.Config.ServiceURL ?? $"S3 in {_s3.Config.RegionEndpoint?.SystemName ?? "an unknown region"}";

    /// <summary>Sends a request and waits for the answer.</summary>
    /// <param name="request">Makes and sends it; called anew for each try.</param>
    /// <exception cref="StorageException">The store refuses, or does not answer.</exception>
    public T Do<T>(Func<IAmazonS3, CancellationToken, Task<T>> request)
    {
        Exception? last = null;
        try
        {
            return _tries.ExecuteAsync(async cancellation =>
            {
                try
                {
                    return await request(_s3, cancellation).ConfigureAwait(false);
                }
                catch (Exception error) when (error is not OperationCanceledException)
                {
                    last = error;
                    throw;
                }
            }).AsTask().GetAwaiter().GetResult();
        }
        // The SDK names no closed set of what it may throw, and the thread that saves must survive all of it.
        catch (Exception error)
        {
            throw S3Errors.Explain(error is TimeoutRejectedException && last is not null ? last : error, Address, Endpoint);
        }
    }
}
