using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Spikeformer.Devices;

/// <summary>CUDA as this process finds it: whether libtorch can use it, how many devices it sees, and the switches that make it
/// reproducible.</summary>
public static unsafe partial class CudaLibrary
{
    /// <summary>The driver's device file; without it there is nothing to find, and no need to load libtorch.</summary>
    private const string DriverFile = "/dev/nvidiactl";
    private const string WorkspaceVariable = "CUBLAS_WORKSPACE_CONFIG", VisibleVariable = "CUDA_VISIBLE_DEVICES";
    private const int NameBytes = 256;

    /// <summary>Environment variables of a process that computes on a CUDA device. They are read before Main, so whoever starts the process
    /// sets them. cuBLAS adds in a fixed order only with workspaces of its own; TensorFloat-32 would round float32 products to 10 bits.</summary>
    public static IReadOnlyList<(string Name, string Value)> Variables { get; } = [(WorkspaceVariable, ":4096:8"), ("NVIDIA_TF32_OVERRIDE", "0")];

    /// <summary>Whether this machine has an NVIDIA driver.</summary>
    public static bool HasDriver => File.Exists(DriverFile);

    /// <summary>Why libtorch cannot use a CUDA device here, and what to do about it; null when it can. May load libtorch.</summary>
    public static (string What, string Remedy)? Problem => s_problem.Value;

    /// <summary>CUDA devices that libtorch can use in this process.</summary>
    public static int Count => Problem is null ? torch.cuda.device_count() : 0;

    /// <summary>Starts a process that sees one device and computes on it in one way, whatever its parent's environment says.</summary>
    /// <param name="start">The process; its environment begins as this process's own.</param>
    /// <param name="index">The device's index in this process, which may itself see only some of the machine's.</param>
    public static void ApplyTo(ProcessStartInfo start, int index)
    {
        foreach ((string name, string value) in Variables) start.Environment[name] = value;
        start.Environment[VisibleVariable] = start.Environment.TryGetValue(VisibleVariable, out string? seen) && !string.IsNullOrEmpty(seen)
            ? seen.Split(',', StringSplitOptions.TrimEntries)[index]
            : index.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Makes libtorch take deterministic CUDA kernels only, without trial runs and in full precision; an operation that has none then
    /// throws.</summary>
    /// <exception cref="SpikeformerException">A switch is missing, or the process was started without <see cref="Variables"/>.</exception>
    internal static void BeReproducible()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(WorkspaceVariable)))
            throw new SpikeformerException(ErrorKind.Usage, $"A CUDA worker needs {WorkspaceVariable} in its environment, or its products differ from run to run",
                $"Let a silo start it, or set {string.Join(' ', Variables.Select(variable => $"{variable.Name}={variable.Value}"))}");
        foreach (LibTorch.Switch setting in Switches()) setting.Set();
        torch.backends.cuda.matmul.allow_tf32 = false;
        torch.backends.cudnn.allow_tf32 = false;
    }

    /// <summary>libtorch's switches that TorchSharp does not wrap.</summary>
    /// <exception cref="SpikeformerException">libtorch has one no more.</exception>
    internal static IReadOnlyList<LibTorch.Switch> Switches() =>
    [
        LibTorch.FindSwitch("_ZN2at7Context26setDeterministicAlgorithmsEbb", true, false),
        LibTorch.FindSwitch("_ZN2at7Context21setDeterministicCuDNNEb", true),
        LibTorch.FindSwitch("_ZN2at7Context17setBenchmarkCuDNNEb", false),
        // A debugging aid that comes with the first one: it would fill every new tensor.
        LibTorch.FindSwitch("_ZN2at7Context39setDeterministicFillUninitializedMemoryEb", false),
    ];

    /// <summary>The name of a device's model.</summary>
    internal static string Model(int index)
    {
        byte* name = stackalloc byte[NameBytes];
        Check(cuInit(0));
        Check(cuDeviceGet(out int device, index));
        Check(cuDeviceGetName(name, NameBytes, device));
        return Marshal.PtrToStringUTF8((nint)name)!;

        static void Check(int result)
        {
            if (result != 0)
                throw new SpikeformerException(ErrorKind.Failed, $"The CUDA driver answers with error {result} where a device's name was asked for",
                    "'nvidia-smi' on that machine shows whether driver and device are sound");
        }
    }

    private static readonly Lazy<(string, string)?> s_problem = new(FindProblem);

    private static (string, string)? FindProblem()
    {
        if (!HasDriver) return ($"this machine has no NVIDIA driver ({DriverFile})", "Choose CPU slots with --devices cpu, or install the driver");
        // Before anything else of libtorch: what is asked about CUDA first decides for the life of the process.
        if (!NativeLibrary.TryLoad("libtorch_cuda.so", typeof(torch).Assembly, null, out _))
            return ("this build carries libtorch for the CPU only", "Build it with -p:TorchBackend=cuda, or choose CPU slots with --devices cpu");
        _ = LibTorch.Version;
        return torch.cuda.is_available() && torch.cuda.device_count() > 0
            ? null
            : ("libtorch finds no CUDA device that it can use",
                $"'nvidia-smi' shows devices and driver; libtorch needs a driver for CUDA 12.8, and {VisibleVariable} may hide devices");
    }

    [LibraryImport("libcuda.so.1")]
    private static partial int cuInit(uint flags);

    [LibraryImport("libcuda.so.1")]
    private static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport("libcuda.so.1")]
    private static partial int cuDeviceGetName(byte* name, int length, int device);
}
