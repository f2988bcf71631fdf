using Spikeformer.Architecture.Violations.Circles.Second;

namespace Spikeformer.Architecture.Violations.Circles.First;

public sealed class Start
{
    public static async Task<object> NextAsync()
    {
        await Task.Yield();
        return new Middle();
    }
}
