using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Client.Tests;

public sealed class NmnistTests
{
    [Fact]
    public void The_recipe_nmnist_reaches_92_percent_on_real_recordings()
    {
        TestData.RequireLong();
        string data = TestData.Folder("nmnist");
        using var folder = new RunFolder();
        var end = ClientProcess.RunJson("train", "--recipe", "nmnist", "--data", data, "--out", folder.Path);

        Assert.Equal("completed", end.GetProperty("state").GetString());
        Assert.True(end.GetProperty("testAccuracy").GetDouble() >= 0.92, end.ToString());
        var evaluated = ClientProcess.RunJson("evaluate", "--out", folder.Path);
        Assert.Equal(end.GetProperty("bestTestAccuracy").GetDouble(), evaluated.GetProperty("accuracy").GetDouble());
    }
}
