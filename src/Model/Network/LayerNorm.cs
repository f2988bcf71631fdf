using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>Layer normalisation over the last axis, with epsilon 1e-6.</summary>
internal sealed class LayerNorm(StateLayout layout, string prefix, int width)
{
    private readonly int _weight = layout.AddParameter(prefix + "weight", InitialValue.One, width);
    private readonly int _bias = layout.AddParameter(prefix + "bias", InitialValue.Zero, width);
    private readonly long[] _shape = [width];

    public Tensor Forward(ParameterSet parameters, Tensor x) =>
        nn.functional.layer_norm(x, _shape, parameters[_weight], parameters[_bias], eps: 1e-6);
}
