namespace Spikeformer.Gates;

/// <summary>A public type whose members lack comments.</summary>
public static class Comments
{
    public static int None => 0; // CS1591

    internal static int NoneNeeded => 0;
}
