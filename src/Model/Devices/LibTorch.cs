using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;

namespace Spikeformer.Devices;

/// <summary>The native library in this process: what it is, and the settings that training relies on.</summary>
public static unsafe partial class LibTorch
{
    /// <summary>The version that this build is bound to, for example <c>2.10.0</c>.</summary>
    /// <exception cref="SpikeformerException">The library cannot be loaded.</exception>
    public static string Version => Loaded(static () => string.Join('.', torch.__version__.Split('.').Take(3)));

    /// <summary>The instruction-set class its kernels use here: DEFAULT, AVX2 or AVX512. <c>ATEN_CPU_CAPABILITY</c> limits it.</summary>
    /// <exception cref="SpikeformerException">The library cannot be loaded.</exception>
    public static string CpuCapability => Loaded(static () =>
    {
        _ = torch.__version__; // loads the library
        CxxString text = default;
        GetCpuCapability(&text);
        return Encoding.ASCII.GetString(text.Data, checked((int)text.Length));
    });

    /// <summary>Prepares the calling thread for compute: settings of the process once, the number of compute threads for this thread.</summary>
    /// <param name="threads">Threads that libtorch uses for work started on this thread; part of a run's numerics.</param>
    /// <exception cref="SpikeformerException">The library cannot be loaded.</exception>
    public static void UseOnThisThread(int threads)
    {
        _ = s_configured.Value;
        torch.set_num_threads(threads);
    }

    private static readonly Lazy<bool> s_configured = new(Configure);

    private static bool Configure()
    {
        _ = Version;
        // NNPACK would be tried first for small convolutions, and complains on every call where it does not know the processor.
        if (TryFindSwitch("_ZN2at7Context20setUserEnabledNNPACKEb", [false]) is { } nnPack) nnPack.Set();
        return true;
    }

    /// <summary>A setting of libtorch's global context, found and not yet set.</summary>
    internal readonly struct Switch
    {
        private readonly nint _context, _set;
        private readonly bool _first, _second;

        internal Switch(nint context, nint set, ReadOnlySpan<bool> values) =>
            (_context, _set, _first, _second) = (context, set, values[0], values.Length > 1 && values[1]);

        /// <summary>Sets it for the whole process. A setter of one argument does not look at the second one's register.</summary>
        public void Set() =>
            ((delegate* unmanaged<nint, byte, byte, void>)_set)(((delegate* unmanaged<nint>)_context)(), _first ? (byte)1 : (byte)0, _second ? (byte)1 : (byte)0);
    }

    /// <summary>A setting that training cannot do without.</summary>
    /// <param name="setter">Mangled name of a method of at::Context that takes one or two booleans.</param>
    /// <param name="values">Those.</param>
    /// <exception cref="SpikeformerException">libtorch does not have it.</exception>
    internal static Switch FindSwitch(string setter, params ReadOnlySpan<bool> values) => TryFindSwitch(setter, values)
        ?? throw new SpikeformerException(ErrorKind.Failed, $"libtorch {Version} has no setting {setter}", "Build with the libtorch that this version is made for");

    private static Switch? TryFindSwitch(string setter, ReadOnlySpan<bool> values) =>
        Find("_ZN2at13globalContextEv", out nint context) && Find(setter, out nint set) ? new(context, set, values) : null;

    /// <summary>A symbol of libtorch that TorchSharp does not wrap; absent ones are done without.</summary>
    private static bool Find(string symbol, out nint address)
    {
        address = 0;
        return NativeLibrary.TryLoad("libtorch_cpu.so", typeof(torch).Assembly, null, out nint library)
            && NativeLibrary.TryGetExport(library, symbol, out address);
    }

    // The names are shorter than 16 characters, so libstdc++ keeps them inside the string object: nothing to free.
    [LibraryImport("libtorch_cpu.so", EntryPoint = "_ZN2at18get_cpu_capabilityB5cxx11Ev")]
    private static partial void GetCpuCapability(CxxString* result);

    private static string Loaded(Func<string> ask)
    {
        try
        {
            return ask();
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException or TypeInitializationException
                                          or BadImageFormatException or NotSupportedException)
        {
            string cause = (error.GetBaseException().Message.Split('\n')[0]).TrimEnd('.', ' ');
            throw new SpikeformerException(ErrorKind.Failed, $"libtorch cannot be loaded from {AppContext.BaseDirectory}: {cause}",
                "Build again; 'ldd libLibTorchSharp.so' in that folder shows a missing library", error);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct CxxString
    {
        public byte* Data;
        public nuint Length;
        private readonly ulong _inline0, _inline1;
    }
}
