using Spikeformer.Architecture.Violations.Nested.Inner;

namespace Spikeformer.Architecture.Violations.Nested;

public sealed class Outer
{
    public static object Down() => new Cellar();
}
