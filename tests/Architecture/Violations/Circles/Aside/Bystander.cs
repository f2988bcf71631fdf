namespace Spikeformer.Architecture.Violations.Circles.Aside;

/// <summary>The circle depends on it, and it on nothing.</summary>
public sealed class Bystander;
