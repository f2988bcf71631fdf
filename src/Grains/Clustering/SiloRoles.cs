namespace Spikeformer.Clustering;

/// <summary>Roles of a silo in its cluster.</summary>
[Flags]
internal enum SiloRoles
{
    /// <summary>No role. Not a valid setting.</summary>
    None = 0,
    /// <summary>Hosts run, shard and directory grains.</summary>
    Control = 1,
    /// <summary>Owns devices and runs a worker for each.</summary>
    Node = 2,
}
