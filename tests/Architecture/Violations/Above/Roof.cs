namespace Spikeformer.Architecture.Violations.Above;

/// <summary>Stands for a type of a higher project.</summary>
public class Roof
{
    public static Roof Shared { get; } = new();

    public static int Tiles;
}

public interface IRoof;

[AttributeUsage(AttributeTargets.All)]
public sealed class RoofAttribute : Attribute;
