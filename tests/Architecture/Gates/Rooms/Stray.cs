namespace Spikeformer.Gates; // IDE0130

/// <summary>Its namespace is not its folder's.</summary>
public sealed class Stray;
