using TorchSharp;

namespace Spikeformer.Silo;

/// <summary>The devices of a machine.</summary>
/// <param name="cores">Its processor cores.</param>
/// <param name="countCuda">Counts its CUDA devices; called only for a selection that needs it, since that may load libtorch.</param>
internal sealed class DeviceInventory(int cores, Func<int> countCuda)
{
    /// <summary>The machine that this process runs on.</summary>
    public static DeviceInventory OfThisMachine { get; } = new(Environment.ProcessorCount, CountCuda);

    /// <summary>The devices of a selection, slots counted from 0.</summary>
    /// <exception cref="SpikeformerException">A CUDA device is not there (Usage), or libtorch cannot be loaded (Failed).</exception>
    public IReadOnlyList<Device> Select(DeviceSelection selection)
    {
        if (selection == DeviceSelection.None) return [];
        var cuda = new Lazy<int>(countCuda);
        IEnumerable<(DeviceKind Kind, int? Number)> parts = selection.Parts.Count > 0
            ? selection.Parts
            : [(cuda.Value > 0 ? DeviceKind.Cuda : DeviceKind.Cpu, null)];
        var devices = new List<Device>();
        foreach ((DeviceKind kind, int? number) in parts)
            foreach (int index in (kind, number) switch
            {
                (DeviceKind.Cpu, _) => Enumerable.Range(0, number ?? cores),
                (_, null) => Enumerable.Range(0, AtLeastOne(cuda.Value, selection)),
                (_, { } one) => [one < cuda.Value ? one : throw Missing(selection, one, cuda.Value)],
            })
                devices.Add(new(devices.Count, kind, index));
        return devices;
    }

    private static int AtLeastOne(int found, DeviceSelection selection) => found > 0 ? found : throw Missing(selection, 0, found);

    private static SpikeformerException Missing(DeviceSelection selection, int index, int found) => new(ErrorKind.Usage,
        $"The devices '{selection}' need cuda:{index}, but this machine has {found} CUDA devices that libtorch can use",
        "Choose others with --devices; with a GPU here, check its driver and that this is a build with TorchBackend=cuda");

    // Without the driver's device file there is nothing to find, and no need to load libtorch into the silo.
    private static int CountCuda() => File.Exists("/dev/nvidiactl") && LibTorch.Version.Length > 0 && torch.cuda.is_available() ? torch.cuda.device_count() : 0;
}
