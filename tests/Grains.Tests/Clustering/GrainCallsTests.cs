using Orleans.Runtime.Messaging;
using Spikeformer.Clustering;
using Xunit;

namespace Spikeformer.Grains.Tests.Clustering;

public sealed class GrainCallsTests
{
    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_call_that_the_cluster_could_not_carry_out_is_repeated()
    {
        var failures = new Queue<Exception>([new TimeoutException(), new SiloUnavailableException(), new ConnectionFailedException("refused")]);
        Assert.Equal(42, await GrainCalls.RetryAsync(
            () => failures.TryDequeue(out Exception? failure) ? Task.FromException<int>(failure) : Task.FromResult(42), s_minute));
        Assert.Empty(failures);
    }

    [Fact]
    public async Task An_error_of_the_grain_itself_is_not_repeated()
    {
        int calls = 0;
        await Assert.ThrowsAsync<InvalidOperationException>(() => GrainCalls.RetryAsync(() =>
        {
            calls++;
            return Task.FromException(new InvalidOperationException());
        }, s_minute));
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task When_patience_ends_the_cluster_is_unreachable()
    {
        var error = await Assert.ThrowsAsync<SpikeformerException>(
            () => GrainCalls.RetryAsync(() => Task.FromException<int>(new TimeoutException()), TimeSpan.FromMilliseconds(200)));
        Assert.Equal(ErrorKind.Unreachable, error.Kind);
        Assert.IsType<TimeoutException>(error.InnerException);
    }

    [Fact]
    public async Task Cancelling_ends_the_wait_for_a_missing_reply()
    {
        using var stop = new CancellationTokenSource();
        Task<int> call = GrainCalls.RetryAsync(() => new TaskCompletionSource<int>().Task, s_minute, stop.Token);
        stop.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }
}
