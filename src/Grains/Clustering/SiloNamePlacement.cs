using Orleans.Placement;

namespace Spikeformer.Clustering;

/// <summary>Places a grain on the silo that its key names, the part before the last slash: <c>silo/slot</c>. A call fails while no active silo
/// has that name; a silo that comes back under its name gets its grains again.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class SiloNamePlacementAttribute() : PlacementAttribute(new SiloNamePlacement());

/// <summary>The strategy of <see cref="SiloNamePlacementAttribute"/>; its director is the silo's.</summary>
[Serializable, GenerateSerializer, Immutable]
public sealed class SiloNamePlacement : PlacementStrategy
{
    /// <summary>The silo that a grain key names, or null when it names none.</summary>
    /// <param name="key">The grain's key.</param>
    public static string? SiloOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        int slash = key.LastIndexOf('/');
        return slash > 0 ? key[..slash] : null;
    }
}
