namespace Spikeformer.Parity;

/// <summary>The arithmetic of a golden case.</summary>
public enum Arithmetic
{
    /// <summary>float64 with libtorch's operations.</summary>
    Float64,
    /// <summary>float32 with our kernels where they exist.</summary>
    Float32,
    /// <summary>float32 with libtorch's operations only, as on a CUDA device.</summary>
    Float32WithoutKernels,
}
