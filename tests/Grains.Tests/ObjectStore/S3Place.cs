using Amazon.Runtime;
using Amazon.S3;
using Spikeformer.Checkpoints;
using Spikeformer.ObjectStore;
using Spikeformer.TestKit;
using Spikeformer.TestKit.ObjectStore;

namespace Spikeformer.Grains.Tests.ObjectStore;

/// <summary>A local imitation of S3 with the checkpoints of a run, and short pauses.</summary>
internal sealed class S3Place : IDisposable
{
    /// <summary>Limits for fast tests: pauses of a millisecond, and parts of a thousand bytes.</summary>
    public static readonly S3Limits Quick = new()
    {
        Try = TimeSpan.FromSeconds(20), Retries = 3, FirstPause = TimeSpan.FromMilliseconds(1), LongestPause = TimeSpan.FromMilliseconds(2), PartBytes = 1000,
    };

    public static readonly S3Address Address = new("checkpoints", "runs/nmnist/");

    private readonly TemporaryFolder _folder = new();
    private readonly IAmazonS3 _s3;

    public S3Place()
    {
        Server = new() { MinPartBytes = Quick.PartBytes };
        _s3 = Connect(new BasicAWSCredentials(LocalS3.AccessKey, LocalS3.SecretKey));
    }

    public LocalS3 Server { get; }

    /// <summary>All warnings.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Opens the checkpoints of the run.</summary>
    public S3CheckpointFiles Open(S3Limits? limits = null, RunOwner? owner = null, IAmazonS3? s3 = null, S3Address? address = null, TimeProvider? time = null) =>
        new(s3 ?? _s3, address ?? Address, owner ?? Owner(), Warnings.Add, limits ?? Quick, time, lockPatience: TimeSpan.Zero);

    /// <summary>The run as an owner, with its directory as one machine sees it.</summary>
    public RunOwner Owner(string directory = "run", int start = 1) => new("nmnist", new Guid(start, 0, 0, new byte[8]), _folder[directory]);

    public CheckpointStore OpenStore(S3Limits? limits = null) => new(Open(limits), States.SmallSlices);

    public IAmazonS3 Connect(AWSCredentials credentials) => new S3Settings { Endpoint = Server.Endpoint, PathStyle = true }.Connect(credentials);

    public void Dispose()
    {
        _s3.Dispose();
        Server.Dispose();
        _folder.Dispose();
    }
}
