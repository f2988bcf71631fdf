using System.Diagnostics;
using Spikeformer.Devices;
using Xunit;

namespace Spikeformer.Model.Tests.Devices;

public sealed class CudaLibraryTests
{
    [Theory]
    [InlineData(null, 1, "1")]
    [InlineData("", 0, "0")]
    [InlineData("3, 5", 1, "5")]
    [InlineData("GPU-8932f937,GPU-d72a1b3c", 0, "GPU-8932f937")]
    public void A_worker_sees_only_its_own_device(string? inherited, int index, string expected)
    {
        var start = new ProcessStartInfo("true");
        start.Environment["CUDA_VISIBLE_DEVICES"] = inherited;
        CudaLibrary.ApplyTo(start, index);
        Assert.Equal(expected, start.Environment["CUDA_VISIBLE_DEVICES"]);
    }

    [Fact]
    public void Settings_that_change_bits_are_not_inherited()
    {
        var start = new ProcessStartInfo("true");
        start.Environment["NVIDIA_TF32_OVERRIDE"] = "1";
        CudaLibrary.ApplyTo(start, 0);
        Assert.Equal(("0", ":4096:8"), (start.Environment["NVIDIA_TF32_OVERRIDE"], start.Environment["CUBLAS_WORKSPACE_CONFIG"]));
    }

    [Fact]
    public void This_libtorch_has_every_switch_that_makes_CUDA_reproducible() => Assert.Equal(4, CudaLibrary.Switches().Count);

    [Fact]
    public void A_switch_that_libtorch_does_not_have_is_an_error()
    {
        var error = Assert.Throws<SpikeformerException>(() => LibTorch.FindSwitch("_ZN2at7Context9setNothingEb", true));
        Assert.StartsWith("libtorch 2.10.0 has no setting _ZN2at7Context9setNothingEb", error.Message);
    }
}
