using Amazon.Runtime;
using Microsoft.Extensions.Time.Testing;
using Spikeformer.Files;
using Spikeformer.ObjectStore;
using Spikeformer.TestKit;
using Spikeformer.TestKit.ObjectStore;
using Xunit;

namespace Spikeformer.Grains.Tests.ObjectStore;

/// <summary>Which requests are repeated, for how long, and which error is reported in the end.</summary>
public sealed class S3CallsTests : IDisposable
{
    private readonly S3Place _place = new();

    public void Dispose() => _place.Dispose();

    private static StorageException ErrorOf(S3CheckpointFiles files) => Assert.Throws<StorageException>(() => files.Files("a"));

    [Theory]
    [InlineData(S3Fault.Unavailable, 4, ErrorKind.Unreachable, "the store does not serve requests", "answers 503 SlowDown")]
    [InlineData(S3Fault.Internal, 4, ErrorKind.Unreachable, "the store does not serve requests", "answers 500 InternalError")]
    [InlineData(S3Fault.TooMany, 4, ErrorKind.Unreachable, "the store does not serve requests", "answers 429 TooManyRequests")]
    [InlineData(S3Fault.Forbidden, 1, ErrorKind.Usage, "no access to s3://checkpoints/runs/nmnist", "answers 403 AccessDenied")]
    public void Only_temporary_errors_are_tried_again(S3Fault fault, int tries, ErrorKind kind, string problem, string detail)
    {
        _place.Server.Fault = _ => fault;
        StorageException error = ErrorOf(_place.Open());
        Assert.Equal((kind, tries), (error.Kind, _place.Server.Requests.Count));
        Assert.StartsWith(problem, error.Message);
        Assert.Contains(detail, error.Message);
        Assert.Contains(_place.Server.Endpoint.ToString(), error.Message);
    }

    [Fact]
    public void A_connection_that_is_closed_without_an_answer_is_tried_again()
    {
        _place.Server.Fault = _ => S3Fault.Drop;
        StorageException error = ErrorOf(_place.Open());
        Assert.Equal(ErrorKind.Unreachable, error.Kind);
        Assert.StartsWith($"{_place.Server.Endpoint} does not answer", error.Message);
        // The framework's client also repeats such a request by itself.
        Assert.True(_place.Server.Requests.Count >= 4);
    }

    [Fact]
    public void A_missing_bucket_and_a_wrong_secret_are_reported_and_not_tried_again()
    {
        StorageException missing = ErrorOf(_place.Open(address: new("no-such-bucket", "")));
        Assert.Equal(ErrorKind.NotFound, missing.Kind);
        Assert.StartsWith("there is no bucket no-such-bucket", missing.Message);
        using var stranger = _place.Connect(new BasicAWSCredentials(LocalS3.AccessKey, "wrong"));
        StorageException refused = ErrorOf(_place.Open(s3: stranger));
        Assert.Equal((ErrorKind.Usage, 2), (refused.Kind, _place.Server.Requests.Count));
        Assert.Contains("SignatureDoesNotMatch", refused.Message);
        Assert.DoesNotContain("wrong", refused.Message);
    }

    [Fact]
    public void Without_credentials_the_error_says_where_to_give_them()
    {
        using var nobody = _place.Connect(new NoCredentials());
        StorageException error = ErrorOf(_place.Open(s3: nobody));
        Assert.Equal((ErrorKind.Usage, "there are no credentials for s3://checkpoints/runs/nmnist: Failed to resolve AWS credentials"), (error.Kind, error.Message));
        Assert.Contains("AWS_ACCESS_KEY_ID", error.Remedy);
    }

    [Fact]
    public void A_missing_store_is_unreachable()
    {
        var gone = new LocalS3();
        gone.Dispose();
        using var s3 = new S3Settings { Endpoint = gone.Endpoint, PathStyle = true }.Connect(new BasicAWSCredentials("key", "secret"));
        StorageException error = ErrorOf(_place.Open(s3: s3));
        Assert.Equal(ErrorKind.Unreachable, error.Kind);
        Assert.Contains("Spikeformer__S3__Endpoint", error.Remedy);
    }

    [Fact]
    public async Task A_silent_store_is_given_up_after_the_limit()
    {
        var time = new FakeTimeProvider();
        DateTimeOffset began = time.GetUtcNow();
        _place.Server.Fault = _ => S3Fault.Silence;
        Task<StorageException> asking = Task.Run(() => ErrorOf(_place.Open(S3Place.Quick with { Retries = 1000 }, time: time)));
        await Eventually.HoldsAsync("the end of the attempts", () =>
        {
            if (!_place.Server.Requests.IsEmpty) time.Advance(TimeSpan.FromSeconds(5));
            return asking.IsCompleted;
        });
        Assert.Equal(ErrorKind.Unreachable, (await asking).Kind);
        Assert.True(time.GetUtcNow() - began >= S3Place.Quick.Request);
    }

    [Fact]
    public async Task A_request_without_an_answer_is_repeated()
    {
        var time = new FakeTimeProvider();
        int seen = 0;
        _place.Server.Fault = _ => Interlocked.Increment(ref seen) == 1 ? S3Fault.Silence : S3Fault.None;
        S3Limits limits = S3Place.Quick with { Retries = 1000, Request = TimeSpan.FromHours(10) };
        Task<IReadOnlyList<string>> asking = Task.Run(() => _place.Open(limits, time: time).Files("a"));
        await Eventually.HoldsAsync("the second answer", () =>
        {
            if (Volatile.Read(ref seen) == 1) time.Advance(limits.Try);
            return asking.IsCompleted;
        });
        Assert.Empty(await asking);
    }

    // Fails as the SDK's chain does without credentials. The real chain would ask the machine's metadata service.
    private sealed class NoCredentials : AWSCredentials
    {
        public override ImmutableCredentials GetCredentials() => throw new AmazonClientException("Failed to resolve AWS credentials.\nTried: nothing");
    }
}
