namespace Spikeformer.Parity;

/// <summary>In what a golden case is computed.</summary>
public enum Arithmetic
{
    /// <summary>float64: libtorch's operations.</summary>
    Float64,
    /// <summary>float32: our kernels where there are any.</summary>
    Float32,
    /// <summary>float32 by libtorch's operations alone, as on a CUDA device.</summary>
    Float32WithoutKernels,
}
