using System.Text.Json.Serialization;

namespace Spikeformer.Recipes;

/// <summary>How the address bits of a DVS128 recording (AEDAT 2.0) map to pixel and polarity. A network trained with one convention sees mirrored or
/// transposed images with another. Bit 0 is the polarity (set = OFF in jAER), bits 1 to 7 are <c>low</c>, bits 8 to 14 <c>high</c>.</summary>
public enum AddressConvention
{
    /// <summary>SpikingJelly's convention for CIFAR10-DVS, used by published results: x = 127 - high, y = 127 - low, polarity inverted.</summary>
    [JsonStringEnumMemberName("spikingjelly")]
    SpikingJelly,
    /// <summary>Tonic's convention: x = high, y = low, polarity as stored.</summary>
    Tonic,
    /// <summary>Plain convention: x = low, y = high, polarity as stored.</summary>
    Plain,
}
