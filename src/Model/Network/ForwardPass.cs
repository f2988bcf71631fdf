using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>The inputs of one forward pass over a group of shards. In training the shards go through the tokenizer in lockstep, so that BatchNorm can couple
/// them, and each shard has its own parameter leaves. An evaluation is a group of one shard.</summary>
internal sealed class ForwardPass
{
    /// <summary>The parameter leaves of each shard of the group.</summary>
    public required IReadOnlyList<ParameterSet> Parameters { get; init; }

    /// <summary>The running statistics that an evaluation normalises with; null in training.</summary>
    public RunningStatistics? Running { get; init; }

    /// <summary>Computes and records the batch statistics that training normalises with; null in an evaluation.</summary>
    public BatchNormStatistics? Batch { get; init; }

    /// <summary>The drop-path draws of each shard; null keeps every path.</summary>
    public IReadOnlyList<IDropPathDraws>? DropPath { get; init; }

    /// <summary>The precision. bf16 and fp16 store the inputs and outputs of convolutions, linear maps and attention products as bfloat16 or
    /// float16. Membrane potentials, statistics, LayerNorm, softmax, the residual stream and the read-out stay float32.</summary>
    public Precision Precision { get; init; }

    /// <summary>Receives intermediate tensors by name, and must not keep them: <c>tokens</c>, <c>block0</c> and so on, and for each layer with
    /// spikes as input or output, <c>input</c> and <c>spikes</c> after the prefix of its parameters. Null for none.</summary>
    public Action<string, Tensor>? Observe { get; init; }

    /// <summary>Converts an activation to the storage format that the next product reads.</summary>
    public Tensor Stored(Tensor x) => Precision switch
    {
        Precision.Bf16 => x.to(ScalarType.BFloat16),
        Precision.Fp16 => x.to(ScalarType.Float16),
        _ => x,
    };
}

/// <summary>The random draws of a shard's drop-path masks, uniform in [0, 1).</summary>
internal interface IDropPathDraws
{
    /// <summary>Returns one draw per row of the temporal branch, [B*N] (reference axis) or [B] (sample axis).</summary>
    float[] Temporal(int block, int batch, int tokens);

    /// <summary>Returns one draw per row of the spatial branch, [B*T] or [B].</summary>
    float[] Spatial(int block, int batch, int timeSteps);

    /// <summary>Returns one draw per time step of the MLP branch, [T], shared by the whole global batch; or one per sample, [B].</summary>
    float[] Mlp(int block, int batch, int timeSteps);
}
