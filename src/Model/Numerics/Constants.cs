using TorchSharp;

namespace Spikeformer.Numerics;

/// <summary>Scalars that live as long as the process. TorchSharp may finalise an implicit scalar while the native call still reads it.</summary>
internal static class Constants
{
    public static readonly Scalar One = 1.0.ToScalar(), MinusOne = (-1.0).ToScalar();
}
