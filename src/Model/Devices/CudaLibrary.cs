using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Spikeformer.Devices;

/// <summary>CUDA in this process: whether libtorch can use it, how many devices it sees, and the settings that make it reproducible.</summary>
public static unsafe partial class CudaLibrary
{
    /// <summary>The driver's device file. Without it there is no device, and libtorch need not be loaded to find out.</summary>
    private const string DriverFile = "/dev/nvidiactl";
    private const string WorkspaceVariable = "CUBLAS_WORKSPACE_CONFIG", VisibleVariable = "CUDA_VISIBLE_DEVICES";
    private const int NameBytes = 256;

    /// <summary>Environment variables of a process that computes on a CUDA device. They are read before Main, so the parent process must set
    /// them. cuBLAS adds in a fixed order only with its own workspaces; TensorFloat-32 would round float32 products to 10 bits.</summary>
    public static IReadOnlyList<(string Name, string Value)> Variables { get; } = [(WorkspaceVariable, ":4096:8"), ("NVIDIA_TF32_OVERRIDE", "0")];

    /// <summary>Whether this machine has an NVIDIA driver.</summary>
    public static bool HasDriver => File.Exists(DriverFile);

    /// <summary>The reason why libtorch cannot use a CUDA device here, and the remedy; null if it can. May load libtorch.</summary>
    public static (string What, string Remedy)? Problem => s_problem.Value;

    /// <summary>The number of CUDA devices that libtorch can use in this process.</summary>
    public static int Count => Problem is null ? torch.cuda.device_count() : 0;

    /// <summary>Sets the environment of a process that computes on one device. The parent's environment does not change its results.</summary>
    /// <param name="start">The process to start; its environment is a copy of this process's.</param>
    /// <param name="index">The device's index in this process, which may see only some of the machine's devices.</param>
    public static void ApplyTo(ProcessStartInfo start, int index)
    {
        foreach ((string name, string value) in Variables) start.Environment[name] = value;
        start.Environment[VisibleVariable] = start.Environment.TryGetValue(VisibleVariable, out string? seen) && !string.IsNullOrEmpty(seen)
            ? seen.Split(',', StringSplitOptions.TrimEntries)[index]
            : index.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Makes libtorch use only deterministic CUDA kernels, without trial runs and in full precision. An operation without such a kernel
    /// then throws.</summary>
    /// <exception cref="SpikeformerException">A setting is missing (Failed), or the process was started without <see cref="Variables"/> (Usage).</exception>
    internal static void BeReproducible()
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(WorkspaceVariable)))
            throw new SpikeformerException(ErrorKind.Usage, $"A CUDA worker needs {WorkspaceVariable} in its environment; without it, matrix products differ from run to run",
                $"Let a silo start it, or set {string.Join(' ', Variables.Select(variable => $"{variable.Name}={variable.Value}"))}");
        foreach (LibTorch.Switch setting in Switches()) setting.Set();
        torch.backends.cuda.matmul.allow_tf32 = false;
        torch.backends.cudnn.allow_tf32 = false;
    }

    /// <summary>libtorch's settings that TorchSharp does not wrap.</summary>
    /// <exception cref="SpikeformerException">libtorch does not have one of them (Failed).</exception>
    internal static IReadOnlyList<LibTorch.Switch> Switches() =>
    [
        LibTorch.FindSwitch("_ZN2at7Context26setDeterministicAlgorithmsEbb", true, false),
        LibTorch.FindSwitch("_ZN2at7Context21setDeterministicCuDNNEb", true),
        LibTorch.FindSwitch("_ZN2at7Context17setBenchmarkCuDNNEb", false),
        // The first setting turns this debugging aid on, which fills every new tensor.
        LibTorch.FindSwitch("_ZN2at7Context39setDeterministicFillUninitializedMemoryEb", false),
    ];

    /// <summary>Returns the name of a device's model.</summary>
    internal static string Model(int index)
    {
        byte* name = stackalloc byte[NameBytes];
        Check(cuInit(0));
        Check(cuDeviceGet(out int device, index));
        Check(cuDeviceGetName(name, NameBytes, device));
        return Marshal.PtrToStringUTF8((nint)name)!;

        void Check(int result)
        {
            if (result != 0)
                throw new SpikeformerException(ErrorKind.Failed, $"The CUDA driver returned error {result} for the name of device {index}",
                    "Run 'nvidia-smi' on that machine to check the driver and the device");
        }
    }

    private static readonly Lazy<(string, string)?> s_problem = new(FindProblem);

    private static (string, string)? FindProblem()
    {
        if (!HasDriver) return ($"this machine has no NVIDIA driver ({DriverFile})", "Choose CPU slots with --devices cpu, or install the driver");
        // This comes before every other use of libtorch: its first look for CUDA decides for the life of the process.
        if (!NativeLibrary.TryLoad("libtorch_cuda.so", typeof(torch).Assembly, null, out _))
            return ("this build contains libtorch for the CPU only", "Build it with -p:TorchBackend=cuda, or choose CPU slots with --devices cpu");
        _ = LibTorch.Version;
        return torch.cuda.is_available() && torch.cuda.device_count() > 0
            ? null
            : ("libtorch finds no usable CUDA device",
                $"Check devices and driver with 'nvidia-smi'; libtorch needs a driver for CUDA 12.8, and {VisibleVariable} may hide devices");
    }

    [LibraryImport("libcuda.so.1")]
    private static partial int cuInit(uint flags);

    [LibraryImport("libcuda.so.1")]
    private static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport("libcuda.so.1")]
    private static partial int cuDeviceGetName(byte* name, int length, int device);
}
