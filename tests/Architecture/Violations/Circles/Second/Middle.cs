using Spikeformer.Architecture.Violations.Circles.Third;

namespace Spikeformer.Architecture.Violations.Circles.Second;

public sealed class Middle
{
    public Func<object> Next(int count) => () => new End[count];
}
