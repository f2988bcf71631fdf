using TorchSharp;

namespace Spikeformer.Numerics;

/// <summary>Scalars made once: TorchSharp's implicit ones may be finalised while the native call still reads them.</summary>
internal static class Constants
{
    public static readonly Scalar One = 1.0.ToScalar(), MinusOne = (-1.0).ToScalar();
}
