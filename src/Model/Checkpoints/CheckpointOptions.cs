namespace Spikeformer.Checkpoints;

/// <summary>Settings of a <see cref="CheckpointStore"/>.</summary>
public sealed class CheckpointOptions
{
    /// <summary>The number of verified checkpoints to keep besides the best and the pinned ones, at least 1. The default is 2, so that damage to
    /// one of them loses little.</summary>
    public int Keep { get; init; } = 2;
    /// <summary>The intended size of a slice in bytes; 64 MiB by default.</summary>
    public long SliceBytes { get; init; } = SlicePlan.DefaultSliceBytes;
    /// <summary>How long the lead of a shared save waits for the next file of another worker. The default is two minutes, since NFS may take one
    /// minute to show a file of another host. The lead does not wait for lost workers: their save is called off.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(2);
}
