using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;

namespace Spikeformer.Devices;

/// <summary>The native library libtorch in this process: its version, its CPU class, and the settings that training relies on.</summary>
public static unsafe partial class LibTorch
{
    /// <summary>The version of libtorch, for example <c>2.10.0</c>.</summary>
    /// <exception cref="SpikeformerException">The library cannot be loaded.</exception>
    public static string Version => Loaded(static () => string.Join('.', torch.__version__.Split('.').Take(3)));

    /// <summary>The instruction-set class that libtorch's kernels use here: DEFAULT, AVX2 or AVX512. <c>ATEN_CPU_CAPABILITY</c> limits it.</summary>
    /// <exception cref="SpikeformerException">The library cannot be loaded.</exception>
    public static string CpuCapability => Loaded(static () =>
    {
        _ = torch.__version__; // loads the library
        CxxString text = default;
        GetCpuCapability(&text);
        return Encoding.ASCII.GetString(text.Data, checked((int)text.Length));
    });

    /// <summary>Prepares the calling thread for computing: sets the number of compute threads, and once per process libtorch's settings.</summary>
    /// <param name="threads">The number of threads that libtorch uses for work started on this thread, at least 1; part of a run's numerics.</param>
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
        // libtorch would try NNPACK first for small convolutions, and NNPACK warns on every call if it does not know the processor.
        if (TryFindSwitch("_ZN2at7Context20setUserEnabledNNPACKEb", [false]) is { } nnPack) nnPack.Set();
        return true;
    }

    /// <summary>A setting of libtorch's global context that was found but is not set yet.</summary>
    internal readonly struct Switch
    {
        private readonly nint _context, _set;
        private readonly bool _first, _second;

        internal Switch(nint context, nint set, ReadOnlySpan<bool> values) =>
            (_context, _set, _first, _second) = (context, set, values[0], values.Length > 1 && values[1]);

        /// <summary>Applies the setting to the whole process. A setter with one argument ignores the register of the second.</summary>
        public void Set() =>
            ((delegate* unmanaged<nint, byte, byte, void>)_set)(((delegate* unmanaged<nint>)_context)(), _first ? (byte)1 : (byte)0, _second ? (byte)1 : (byte)0);
    }

    /// <summary>Finds a setting that training needs.</summary>
    /// <param name="setter">Mangled name of a method of at::Context with one or two Boolean parameters.</param>
    /// <param name="values">The arguments.</param>
    /// <exception cref="SpikeformerException">libtorch does not have the setting (Failed).</exception>
    internal static Switch FindSwitch(string setter, params ReadOnlySpan<bool> values) => TryFindSwitch(setter, values)
        ?? throw new SpikeformerException(ErrorKind.Failed, $"libtorch {Version} has no setting {setter}", "Build with the libtorch version that this program is made for");

    private static Switch? TryFindSwitch(string setter, ReadOnlySpan<bool> values) =>
        Find("_ZN2at13globalContextEv", out nint context) && Find(setter, out nint set) ? new(context, set, values) : null;

    /// <summary>Finds a symbol of libtorch that TorchSharp does not wrap.</summary>
    private static bool Find(string symbol, out nint address)
    {
        address = 0;
        return NativeLibrary.TryLoad("libtorch_cpu.so", typeof(torch).Assembly, null, out nint library)
            && NativeLibrary.TryGetExport(library, symbol, out address);
    }

    // The result is shorter than 16 characters, so libstdc++ keeps it inside the string object: there is nothing to free.
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
                "Rebuild; 'ldd libLibTorchSharp.so' in that folder shows missing libraries", error);
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
