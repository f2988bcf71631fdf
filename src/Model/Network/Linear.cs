using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>A linear layer over the last axis.</summary>
internal sealed class Linear
{
    private readonly int _weight, _bias = -1;

    public Linear(StateLayout layout, string prefix, int inputs, int outputs, bool bias = true, InitialValue initial = InitialValue.TruncatedNormal)
    {
        _weight = layout.AddParameter(prefix + "weight", initial, outputs, inputs);
        if (bias) _bias = layout.AddParameter(prefix + "bias", InitialValue.Zero, outputs);
    }

    /// <summary>Maps [..., inputs] to [..., outputs], in the type of x.</summary>
    public Tensor Forward(ParameterSet parameters, Tensor x) =>
        RowProduct.Apply(x, parameters[_weight], _bias < 0 ? null : parameters[_bias]);
}
