using System.Diagnostics;
using Amazon.Runtime;
using Spikeformer.Checkpoints;
using Spikeformer.ObjectStore;
using Spikeformer.TestKit.ObjectStore;
using Xunit;

namespace Spikeformer.Grains.Tests.ObjectStore;

/// <summary>What is tried again, for how long, and what is said when it does not help.</summary>
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
    public void Only_what_may_pass_is_tried_again(S3Fault fault, int tries, ErrorKind kind, string problem, string detail)
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
        // The framework's client repeats such a request by itself, too.
        Assert.InRange(_place.Server.Requests.Count, 4, 100);
    }

    [Fact]
    public void A_bucket_that_is_not_there_and_a_wrong_secret_are_said_and_not_tried_again()
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
    public void Without_credentials_it_says_where_to_give_them()
    {
        using var nobody = _place.Connect(new NoCredentials());
        StorageException error = ErrorOf(_place.Open(s3: nobody));
        Assert.Equal((ErrorKind.Usage, "there are no credentials for s3://checkpoints/runs/nmnist: Failed to resolve AWS credentials"), (error.Kind, error.Message));
        Assert.Contains("AWS_ACCESS_KEY_ID", error.Remedy);
    }

    [Fact]
    public void A_store_that_is_not_there_is_unreachable()
    {
        var gone = new LocalS3();
        gone.Dispose();
        using var s3 = new S3Settings { Endpoint = gone.Endpoint, PathStyle = true }.Connect(new BasicAWSCredentials("key", "secret"));
        StorageException error = ErrorOf(_place.Open(s3: s3));
        Assert.Equal(ErrorKind.Unreachable, error.Kind);
        Assert.Contains("Spikeformer__S3__Endpoint", error.Remedy);
    }

    [Fact]
    public void A_store_that_says_nothing_is_given_up_after_the_limit()
    {
        _place.Server.Fault = _ => S3Fault.Silence;
        var waited = Stopwatch.StartNew();
        StorageException error = ErrorOf(_place.Open(S3Place.Quick with { Try = TimeSpan.FromMilliseconds(100), Request = TimeSpan.FromMilliseconds(350), Retries = 1000 }));
        Assert.Equal(ErrorKind.Unreachable, error.Kind);
        Assert.InRange(waited.Elapsed, TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(15));
        Assert.True(_place.Server.Requests.Count > 1);
    }

    [Fact]
    public void A_slow_answer_is_asked_for_again()
    {
        int seen = 0;
        _place.Server.Fault = _ => seen++ == 0 ? S3Fault.Silence : S3Fault.None;
        Assert.Empty(_place.Open(S3Place.Quick with { Try = TimeSpan.FromSeconds(1) }).Files("a"));
        Assert.Equal(2, seen);
    }

    // As the SDK's chain does where it finds none; the real one would ask the machine's metadata service.
    private sealed class NoCredentials : AWSCredentials
    {
        public override ImmutableCredentials GetCredentials() => throw new AmazonClientException("Failed to resolve AWS credentials.\nTried: nothing");
    }
}
