using Orleans.Placement;

namespace Spikeformer.Clustering;

/// <summary>Places a grain on the silo that its key names: the part before the last slash of <c>silo/slot</c>. Calls fail while no active silo has that
/// name. A silo that restarts under its name gets its grains again.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class SiloNamePlacementAttribute() : PlacementAttribute(new SiloNamePlacement());

/// <summary>The strategy of <see cref="SiloNamePlacementAttribute"/>. The silo provides its director.</summary>
[Serializable, GenerateSerializer, Immutable]
internal sealed class SiloNamePlacement : PlacementStrategy
{
    /// <summary>Returns the silo that a grain key names, or null if it does not name one.</summary>
    public static string? SiloOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        int slash = key.LastIndexOf('/');
        return slash > 0 ? key[..slash] : null;
    }
}
