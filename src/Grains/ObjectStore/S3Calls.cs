using Amazon.S3;
using Polly;
using Polly.Retry;
using Polly.Timeout;
using Spikeformer.Files;

namespace Spikeformer.ObjectStore;

/// <summary>Sends requests to one place of an object store. Each request is limited in time, and is repeated with growing pauses after a failure that may
/// be temporary. It is safe to repeat all of them, because the same content goes to the same key.</summary>
internal sealed class S3Calls
{
    private readonly IAmazonS3 _s3;
    private readonly ResiliencePipeline _tries;
    private readonly S3Limits _limits;

    /// <param name="s3">The store.</param>
    /// <param name="address">The place.</param>
    /// <param name="limits">Time limits of requests.</param>
    /// <param name="time">The clock of limits and pauses.</param>
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

    /// <summary>Most bytes that one request carries.</summary>
    public int PartBytes => _limits.PartBytes;

    private string Endpoint => _s3.Config.ServiceURL ?? $"S3 in {_s3.Config.RegionEndpoint?.SystemName ?? "an unknown region"}";

    /// <summary>Sends a request and waits for the answer.</summary>
    /// <param name="request">Creates and sends the request; called for each attempt.</param>
    /// <exception cref="StorageException">The store refuses or does not answer.</exception>
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
        // The SDK does not document all exceptions that it throws, and the thread that saves must survive every one.
        catch (Exception error)
        {
            throw S3Errors.Explain(error is TimeoutRejectedException && last is not null ? last : error, Address, Endpoint);
        }
    }
}
