using Spikeformer.Devices;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>The GPU of tests that need one.</summary>
public static class Gpu
{
    /// <summary>Opens it. Skips the calling test, by name, where there is none.</summary>
    public static ComputeDevice Open()
    {
        Require();
        return ComputeDevice.Open("cuda:0");
    }

    /// <summary>Skips the calling test, by name, where there is none.</summary>
    public static void Require()
    {
        if (CudaLibrary.Problem is { } problem) Assert.Skip($"needs a GPU: {problem.What}");
    }
}
