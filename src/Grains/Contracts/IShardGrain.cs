namespace Spikeformer.Contracts;

/// <summary>A data shard of a run, by name <c>run/v</c>: shows its owner and which samples are committed. The ledger itself is training
/// state; this is the view of it.</summary>
[Alias("spikeformer.IShardGrain")]
public interface IShardGrain : IGrainWithStringKey
{
    /// <summary>The run tells what it knows; older generations and fewer steps are ignored.</summary>
    [Alias("Update"), ResponseTimeout("00:00:02")] Task Update(ShardUpdate update);

    /// <summary>How the shard stands.</summary>
    [Alias("Status"), ResponseTimeout("00:00:05")] Task<ShardStatus> Status();
}
