using System.Globalization;

namespace Spikeformer.Silo.Devices;

/// <summary>The kind of a device.</summary>
internal enum DeviceKind
{
    /// <summary>One slot of the processor.</summary>
    Cpu,
    /// <summary>A CUDA device.</summary>
    Cuda,
}

/// <summary>A device of this machine that one worker owns.</summary>
/// <param name="Slot">Its number on the silo, from 0; the worker is named <c>silo/slot</c>.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Index">Its number among devices of this kind: the CPU slot, or the index of the CUDA device.</param>
internal sealed record Device(int Slot, DeviceKind Kind, int Index)
{
    /// <summary>Returns the device as options name it, such as <c>cpu:0</c> or <c>cuda:1</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind.ToString().ToLowerInvariant()}:{Index}");
}
