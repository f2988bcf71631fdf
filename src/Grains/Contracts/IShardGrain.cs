namespace Spikeformer.Contracts;

/// <summary>A data shard of a run, by name <c>run/v</c>: shows its owner and its committed samples. The ledger itself is training state; this
/// grain is the view of it.</summary>
[Alias("spikeformer.IShardGrain")]
public interface IShardGrain : IGrainWithStringKey
{
    /// <summary>Takes news from the run; ignores older generations and fewer steps.</summary>
    [Alias("Update"), ResponseTimeout("00:00:02")] Task Update(ShardUpdate update);

    /// <summary>Returns the shard's owner and its committed samples.</summary>
    [Alias("Status"), ResponseTimeout("00:00:05")] Task<ShardStatus> Status();
}
