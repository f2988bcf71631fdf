namespace Spikeformer.ObjectStore;

/// <summary>Limits of requests to an object store.</summary>
internal sealed record S3Limits
{
    /// <summary>Time limit of one attempt; default 20 seconds, which allows a part at 3.4 Mbit/s.</summary>
    public TimeSpan Try { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Time limit of a request with all its attempts; default one minute, the time that a save may also take on a disk.</summary>
    public TimeSpan Request { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Most attempts after the first; default 8.</summary>
    public int Retries { get; init; } = 8;

    /// <summary>Pause before the second attempt, with jitter; default 200 ms. It doubles with each attempt.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest pause; default 5 seconds.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bytes of a part of an upload or a read; default 8 MiB. S3 requires at least 5 MiB.</summary>
    public int PartBytes { get; init; } = 8 << 20;
}
