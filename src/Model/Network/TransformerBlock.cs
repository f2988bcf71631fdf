using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>A pre-norm block over spatio-temporal tokens: temporal attention, spatial attention, then the spiking MLP.</summary>
internal sealed class TransformerBlock
{
    private readonly LayerNorm _norm1, _temporalNorm1, _norm2;
    private readonly Attention _attention, _temporalAttention;
    private readonly Linear _temporalFc;
    private readonly Mlp _mlp;
    private readonly int _index;
    private readonly double _dropRate;
    private readonly DropPathAxis _dropAxis;

    public TransformerBlock(StateLayout layout, string prefix, int index, NetworkOptions options)
    {
        (_index, _dropAxis) = (index, options.DropPathAxis);
        _dropRate = DropPath.Rate(index, options.Depth, options.DropPath);
        int width = options.Width;
        _norm1 = new LayerNorm(layout, prefix + "norm1.", width);
        _attention = new Attention(layout, prefix + "attn.", width, options.Heads);
        _temporalNorm1 = new LayerNorm(layout, prefix + "temporal_norm1.", width);
        _temporalAttention = new Attention(layout, prefix + "temporal_attn.", width, options.Heads);
        // Zero in every block, so that the temporal branch initially adds nothing.
        _temporalFc = new Linear(layout, prefix + "temporal_fc.", width, width, initial: InitialValue.Zero);
        _norm2 = new LayerNorm(layout, prefix + "norm2.", width);
        _mlp = new Mlp(layout, prefix + "mlp.", width, width * options.MlpRatio, options.Neuron);
    }

    /// <summary>Maps [B,N*T,E], time fastest, to the same shape.</summary>
    public Tensor Forward(ForwardPass pass, int shard, Tensor x_BLE, int timeSteps)
    {
        ParameterSet p = pass.Parameters[shard];
        IDropPathDraws? drops = _dropRate > 0 ? pass.DropPath?[shard] : null;
        (int B, int N, int T, int E) = ((int)x_BLE.shape[0], (int)x_BLE.shape[1] / timeSteps, timeSteps, (int)x_BLE.shape[2]);

        Tensor temporal = _temporalAttention.Forward(p, pass.Stored(_temporalNorm1.Forward(p, x_BLE.view(B * N, T, E))));
        if (drops is not null) temporal = DropPath.Apply(temporal, drops.Temporal(_index, B, N), _dropRate);
        // The authors apply temporal_fc after drop-path, so its bias reaches dropped rows too.
        Tensor x_BNTE = x_BLE.add(_temporalFc.Forward(p, temporal.view(B, N * T, E)), Constants.One).view(B, N, T, E);

        Tensor rows_GNE = x_BNTE.transpose(1, 2).reshape(B * T, N, E);
        Tensor spatial = _attention.Forward(p, pass.Stored(_norm1.Forward(p, rows_GNE)));
        if (drops is not null) spatial = DropPath.Apply(spatial, drops.Spatial(_index, B, T), _dropRate);
        x_BNTE = x_BNTE.add(spatial.view(B, T, N, E).transpose(1, 2), Constants.One);

        Tensor mlp_TBNE = _mlp.Forward(p, pass.Stored(_norm2.Forward(p, x_BNTE.permute(2, 0, 1, 3).contiguous())), pass.Observe);
        if (drops is not null) mlp_TBNE = DropPath.Apply(mlp_TBNE, drops.Mlp(_index, B, T), _dropRate, _dropAxis == DropPathAxis.Sample ? 1 : 0);
        return x_BNTE.add(mlp_TBNE.permute(1, 2, 0, 3), Constants.One).reshape(B, N * T, E);
    }
}
