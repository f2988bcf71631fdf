using Spikeformer.Recipes;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>
/// What one forward pass of a group of shards works with. In training the shards go through the tokenizer in lockstep, so that BatchNorm can
/// couple them; each has its own parameter leaves. Evaluation is a group of one.
/// </summary>
internal sealed class ForwardPass
{
    /// <summary>Parameter leaves of each shard of the group.</summary>
    public required IReadOnlyList<ParameterSet> Parameters { get; init; }

    /// <summary>Statistics that evaluation normalises with; null in training.</summary>
    public RunningStatistics? Running { get; init; }

    /// <summary>Statistics of the batch that training normalises with, and where they are left; null in evaluation.</summary>
    public BatchNormStatistics? Batch { get; init; }

    /// <summary>Drop-path draws of each shard; null keeps every path.</summary>
    public IReadOnlyList<IDropPathDraws>? DropPath { get; init; }

    /// <summary>bf16 and fp16 store what convolutions, linear maps and attention products read and write as bfloat16 or float16. Membranes,
    /// statistics, LayerNorm, softmax, the residual stream and the read-out stay float32.</summary>
    public Precision Precision { get; init; }

    /// <summary>Sees intermediate tensors by name: <c>tokens</c>, <c>block0</c> and so on, and of each layer that neurons feed or end, by its
    /// parameters' prefix, <c>input</c> and <c>spikes</c>. It must not keep them.</summary>
    public Action<string, Tensor>? Observe { get; init; }

    /// <summary>An activation as the next product is to read it.</summary>
    public Tensor Stored(Tensor x) => Precision switch
    {
        Precision.Bf16 => x.to(ScalarType.BFloat16),
        Precision.Fp16 => x.to(ScalarType.Float16),
        _ => x,
    };
}

/// <summary>The uniform draws of a shard's drop-path masks, each in [0, 1).</summary>
internal interface IDropPathDraws
{
    /// <summary>One draw per row of the temporal branch, [B*N] (reference axis) or [B] (sample axis).</summary>
    float[] Temporal(int block, int batch, int tokens);

    /// <summary>One draw per row of the spatial branch, [B*T] or [B].</summary>
    float[] Spatial(int block, int batch, int timeSteps);

    /// <summary>One draw per time step of the MLP branch, [T], shared by the whole global batch; or per sample, [B].</summary>
    float[] Mlp(int block, int batch, int timeSteps);
}
