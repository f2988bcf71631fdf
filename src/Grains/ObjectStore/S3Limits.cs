namespace Spikeformer.ObjectStore;

/// <summary>How long requests are tried, and how much one carries.</summary>
public sealed record S3Limits
{
    /// <summary>Limit of one try. 20 seconds: a part in that time is 3.4 Mbit/s.</summary>
    public TimeSpan Try { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Limit of a request with all its tries. One minute: the disk of the run directory, too, is given no longer by those who wait for a save.</summary>
    public TimeSpan Request { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Tries after the first.</summary>
    public int Retries { get; init; } = 8;

    /// <summary>Pause before the second try, with jitter; then it doubles.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest pause.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bytes of a part of an upload and of a read; larger objects take several. At least the 5 MiB that S3 wants.</summary>
    public int PartBytes { get; init; } = 8 << 20;
}
