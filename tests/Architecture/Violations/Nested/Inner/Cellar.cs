namespace Spikeformer.Architecture.Violations.Nested.Inner;

public sealed class Cellar
{
    public static object Up() => new Outer();
}
