using Orleans.Placement;

namespace Spikeformer.Clustering;

/// <summary>Places a grain class on silos with the role control, distributed by key. While there is no such silo, it uses any silo.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ControlPlacementAttribute() : PlacementAttribute(new ControlPlacement());

/// <summary>The strategy of <see cref="ControlPlacementAttribute"/>. The silo provides its director.</summary>
[Serializable, GenerateSerializer, Immutable]
internal sealed class ControlPlacement : PlacementStrategy;
