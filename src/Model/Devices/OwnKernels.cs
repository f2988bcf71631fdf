using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Devices;

/// <summary>
/// The one choice of every operation that has kernels of our own: they compute on the CPU, and libtorch's operations, which know every
/// device, compute elsewhere.
/// </summary>
internal static class OwnKernels
{
    [ThreadStatic] private static int s_suspensions;

    /// <summary>Whether our kernels may compute on a tensor.</summary>
    public static bool Reach(Tensor x) => x.device_type == DeviceType.CPU && s_suspensions == 0;

    /// <summary>Until it is disposed, this thread computes on the CPU as a device would: how the other path is tested without one.</summary>
    public static IDisposable Suspend() => new Suspension();

    private sealed class Suspension : IDisposable
    {
        private bool _isOver;

        public Suspension() => s_suspensions++;

        public void Dispose()
        {
            if (_isOver) return;
            _isOver = true;
            s_suspensions--;
        }
    }
}
