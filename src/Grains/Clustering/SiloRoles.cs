namespace Spikeformer.Clustering;

/// <summary>What a silo does in its cluster.</summary>
[Flags]
public enum SiloRoles
{
    /// <summary>Nothing; no silo has this.</summary>
    None = 0,
    /// <summary>Hosts run, shard and directory grains.</summary>
    Control = 1,
    /// <summary>Owns devices, with a worker for each.</summary>
    Node = 2,
}
