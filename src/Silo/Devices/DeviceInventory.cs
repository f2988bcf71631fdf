using Spikeformer.Devices;

namespace Spikeformer.Silo.Devices;

/// <summary>The devices of a machine.</summary>
/// <param name="cores">Number of processor cores.</param>
/// <param name="countCuda">Counts the CUDA devices; called only if a selection needs it, since it may load libtorch.</param>
/// <param name="findProblem">Returns why libtorch can use no CUDA device, and the remedy; null if unknown.</param>
internal sealed class DeviceInventory(int cores, Func<int> countCuda, Func<(string What, string Remedy)?> findProblem)
{
    /// <summary>The machine that this process runs on.</summary>
    public static DeviceInventory OfThisMachine { get; } = new(Environment.ProcessorCount, () => CudaLibrary.Count, () => CudaLibrary.Problem);

    /// <summary>Returns the devices of a selection, with slots from 0.</summary>
    /// <exception cref="SpikeformerException">A CUDA device does not exist (Usage), or libtorch cannot be loaded (Failed).</exception>
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

    private int AtLeastOne(int found, DeviceSelection selection) => found > 0 ? found : throw Missing(selection, 0, found);

    private SpikeformerException Missing(DeviceSelection selection, int index, int found)
    {
        (string what, string remedy) = findProblem() ?? ($"this machine has {found} CUDA devices that libtorch can use", "Choose other devices with --devices");
        return new(ErrorKind.Usage, $"The devices '{selection}' need cuda:{index}, but {what}", remedy);
    }
}
