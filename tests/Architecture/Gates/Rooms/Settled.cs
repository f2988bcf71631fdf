namespace Spikeformer.Gates.Rooms;

/// <summary>Its namespace is its folder's.</summary>
public sealed class Settled;
