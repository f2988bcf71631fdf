using Spikeformer.Devices;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>The GPU for tests that need one.</summary>
public static class Gpu
{
    /// <summary>Opens the GPU. Skips the calling test, with a reason, if there is none.</summary>
    public static ComputeDevice Open()
    {
        Require();
        return ComputeDevice.Open("cuda:0");
    }

    /// <summary>Skips the calling test, with a reason, if there is no GPU.</summary>
    public static void Require()
    {
        if (CudaLibrary.Problem is { } problem) Assert.Skip($"needs a GPU: {problem.What}");
    }
}
