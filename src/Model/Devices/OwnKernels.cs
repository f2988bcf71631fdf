using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Devices;

/// <summary>Decides, for every operation that has our own kernels, whether these compute or libtorch's operations. Our kernels run on the CPU; libtorch's
/// operations run on every device.</summary>
internal static class OwnKernels
{
    [ThreadStatic] private static int s_suspensions;

    /// <summary>Returns whether our kernels may compute on a tensor.</summary>
    public static bool CanRun(Tensor x) => x.device_type == DeviceType.CPU && s_suspensions == 0;

    /// <summary>Makes this thread compute with libtorch's operations on the CPU too, until the result is disposed. Tests of the path for devices
    /// use it.</summary>
    public static IDisposable Suspend() => new Suspension();

    private sealed class Suspension : IDisposable
    {
        private int _count = 1;

        public Suspension() => s_suspensions++;

        public void Dispose()
        {
            s_suspensions -= _count;
            _count = 0;
        }
    }
}
