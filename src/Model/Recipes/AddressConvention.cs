using System.Text.Json.Serialization;

namespace Spikeformer.Recipes;

/// <summary>How the address bits of a DVS128 recording (AEDAT 2.0) become pixel and polarity. Networks trained with one see a mirrored or
/// transposed world with another. Bits: 0 polarity (set = OFF in jAER's meaning), 1 to 7 <c>low</c>, 8 to 14 <c>high</c>.</summary>
public enum AddressConvention
{
    /// <summary>SpikingJelly's CIFAR10-DVS, which published results use: x = 127 - high, y = 127 - low, polarity inverted.</summary>
    [JsonStringEnumMemberName("spikingjelly")]
    SpikingJelly,
    /// <summary>Tonic's: x = high, y = low, polarity as stored.</summary>
    Tonic,
    /// <summary>As the bits are named: x = low, y = high, polarity as stored.</summary>
    Plain,
}
