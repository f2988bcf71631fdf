using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

public sealed class NmnistTests
{
    /// <summary>The exhaustive form trains the whole recipe in minutes, to 0.93 on processors with AVX-512 and 0.91 on others; one recording is 1 percent.
    /// The short form trains the first epochs, to 0.49; guessing gives 0.15.</summary>
    [Fact]
    public void The_recipe_nmnist_learns_real_recordings()
    {
        TestData.RequireLong();
        string data = TestData.Folder("nmnist");
        using var folder = new RunFolder();
        string[] less = TestData.IsExhaustive ? [] : ["--set", "epochs=4", "--set", "schedule.0.until=4"];
        var end = ClientProcess.RunJson(["train", "--recipe", "nmnist", "--data", data, "--out", folder.Path, .. less]);

        Assert.Equal("completed", end.GetProperty("state").GetString());
        Assert.True(end.GetProperty("testAccuracy").GetDouble() >= (TestData.IsExhaustive ? 0.91 : 0.3), end.ToString());
        var evaluated = ClientProcess.RunJson("evaluate", "--out", folder.Path);
        Assert.Equal(end.GetProperty("bestTestAccuracy").GetDouble(), evaluated.GetProperty("accuracy").GetDouble());
    }
}
