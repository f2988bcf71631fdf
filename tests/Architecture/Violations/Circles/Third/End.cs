using Spikeformer.Architecture.Violations.Circles.Aside;
using Spikeformer.Architecture.Violations.Circles.First;

namespace Spikeformer.Architecture.Violations.Circles.Third;

public sealed class End
{
    public static IEnumerable<object> Next()
    {
        yield return new Start();
        yield return new Bystander();
    }
}
