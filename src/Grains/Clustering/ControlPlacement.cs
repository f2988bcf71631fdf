using Orleans.Placement;

namespace Spikeformer.Clustering;

/// <summary>Places a grain class on silos with the role control, spread by key; on any silo while none of those is there.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class ControlPlacementAttribute() : PlacementAttribute(new ControlPlacement());

/// <summary>The strategy of <see cref="ControlPlacementAttribute"/>; its director is the silo's.</summary>
[Serializable, GenerateSerializer, Immutable]
public sealed class ControlPlacement : PlacementStrategy;
