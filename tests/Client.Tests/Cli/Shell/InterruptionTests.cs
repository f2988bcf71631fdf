using Spikeformer.Cli.Shell;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Shell;

public sealed class InterruptionTests
{
    [Fact]
    public void Request_OnlyTheFirstSignal_IsHandledAndNamesTheExitCode()
    {
        using var interruption = new Interruption();
        Assert.Equal(0, interruption.ExitCode);
        Assert.True(interruption.Request(15));
        Assert.False(interruption.Request(2));
        Assert.Equal(143, interruption.ExitCode);
        Assert.True(interruption.Token.WaitHandle.WaitOne(TimeSpan.FromMinutes(2)));
    }
}
