using System.Runtime.InteropServices;
using TorchSharp;

namespace Spikeformer;

/// <summary>Process-wide settings of libtorch that training relies on.</summary>
public static unsafe class LibTorch
{
    private static readonly Lazy<bool> s_configured = new(Configure);

    /// <summary>Prepares the calling thread for compute: settings of the process once, the number of compute threads for this thread.</summary>
    /// <param name="threads">Threads that libtorch uses for work started on this thread; part of a run's numerics.</param>
    public static void UseOnThisThread(int threads)
    {
        _ = s_configured.Value;
        torch.set_num_threads(threads);
    }

    private static bool Configure()
    {
        torch.InitializeDeviceType(DeviceType.CPU);
        // NNPACK would be tried first for small convolutions, and complains on every call where it does not know the processor.
        if (Find("_ZN2at13globalContextEv", out nint context) && Find("_ZN2at7Context20setUserEnabledNNPACKEb", out nint set))
            ((delegate* unmanaged<nint, byte, void>)set)(((delegate* unmanaged<nint>)context)(), 0);
        return true;
    }

    /// <summary>A symbol of libtorch that TorchSharp does not wrap; absent ones are done without.</summary>
    private static bool Find(string symbol, out nint address)
    {
        address = 0;
        return NativeLibrary.TryLoad("libtorch_cpu.so", typeof(torch).Assembly, null, out nint library)
            && NativeLibrary.TryGetExport(library, symbol, out address);
    }
}
