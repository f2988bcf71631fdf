using System.Globalization;

namespace Spikeformer.Silo.Devices;

/// <summary>What computes.</summary>
internal enum DeviceKind
{
    /// <summary>One slot of the processor.</summary>
    Cpu,
    /// <summary>A CUDA device.</summary>
    Cuda,
}

/// <summary>A device of this machine that one worker owns.</summary>
/// <param name="Slot">Its number on the silo, from 0: the worker's key is <c>silo/slot</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Index">Number among its kind: the n-th CPU slot, or the CUDA device's index.</param>
internal sealed record Device(int Slot, DeviceKind Kind, int Index)
{
    /// <summary><c>cpu:0</c>, <c>cuda:1</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kind.ToString().ToLowerInvariant()}:{Index}");
}
