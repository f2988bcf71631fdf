using Spikeformer.Autograd;
using Spikeformer.Devices;
using Spikeformer.Network;
using TorchSharp;
using static TorchSharp.torch;

namespace Spikeformer.Training;

/// <summary>The input of one shard for a step.</summary>
/// <param name="Shard">The shard v, 0 to V-1.</param>
/// <param name="Samples">The training-set indices of its samples; may be empty in a short last step.</param>
/// <param name="X_BTCHW">The frames, float32 [B,T,C,H,W] on the CPU; null if there are no samples.</param>
/// <param name="Y_B">The labels, int64 [B] on the CPU; null if there are no samples.</param>
public readonly record struct ShardInput(int Shard, int[] Samples, Tensor? X_BTCHW, Tensor? Y_B);

/// <summary>The identity of a step.</summary>
/// <param name="Step">The step, counted over the run from 0.</param>
/// <param name="Epoch">Its epoch, from 0.</param>
/// <param name="Samples">The number of samples of the step over all shards.</param>
/// <param name="LossScale">A power of two that scales the backward pass but not the resulting gradients. See <see cref="TrainingState.LossScale"/>.</param>
public readonly record struct StepIdentity(long Step, int Epoch, long Samples, float LossScale = 1);

/// <summary>Computes the step vectors of shards from their frames. It reads the weights and writes only its vectors, so a step can be abandoned or recomputed
/// at any time.</summary>
/// <remarks>A shard's vector depends on the weights, the recipe, the step and its samples (with global BatchNorm, on the samples of all shards), but
/// not on the other shards that the engine computes. Not thread-safe; use one engine per compute thread.</remarks>
public sealed class ShardEngine : IDisposable
{
    private readonly SpikeformerNetwork _network;
    private readonly ParameterSet _weights;
    private readonly Recipe _recipe;
    private readonly ComputeDevice _device;
    private readonly List<(StepVector Vector, ParameterSet Leaves)> _slots = [];

    /// <summary>Creates an engine over weights that the caller owns and updates.</summary>
    /// <param name="network">The network.</param>
    /// <param name="parameters">The weights; must outlive the engine.</param>
    /// <param name="recipe">Provides the seed, label smoothing, BatchNorm mode, precision and drop-path axis.</param>
    /// <param name="device">The device to compute on; null for the CPU.</param>
    /// <exception cref="SpikeformerException">The device does not compute in the recipe's precision (Usage).</exception>
    public ShardEngine(SpikeformerNetwork network, ParameterSet parameters, Recipe recipe, ComputeDevice? device = null)
    {
        (_network, _recipe, _device) = (network, recipe, device ?? ComputeDevice.Cpu);
        if (recipe.Precision == Precision.Fp16 && !_device.HasOwnMemory)
            throw new SpikeformerException(ErrorKind.Usage, "Precision fp16 needs a CUDA device, but this worker computes on the CPU", "Set precision=bf16 or fp32");
        _weights = _device.HasOwnMemory ? parameters.CopyOn(_device) : parameters;
    }

    /// <summary>Returns the current weights on the engine's device, valid until the weights change. The engine owns the result.</summary>
    public ParameterSet CurrentWeights()
    {
        if (_device.HasOwnMemory) _weights.Refresh();
        return _weights;
    }

    /// <summary>Computes the forward and backward pass of a group of shards.</summary>
    /// <param name="step">The step.</param>
    /// <param name="inputs">The shards to compute, ascending.</param>
    /// <param name="coupling">With global BatchNorm, merges this group's statistics with those of the other groups; otherwise ignored.</param>
    /// <returns>One vector per input, in order, valid until the next call. A shard without samples gives zeros. The engine owns the vectors.</returns>
    /// <exception cref="Exception">The exception of the coupling or of libtorch. The vectors are then invalid; the weights are untouched.</exception>
    public IReadOnlyList<StepVector> Compute(StepIdentity step, IReadOnlyList<ShardInput> inputs, IBatchNormCoupling? coupling)
    {
        using IDisposable? entered = _device.Enter();
        // Copies that an abandoned step has queued must not arrive in this step's vectors.
        _device.Synchronize();
        _ = CurrentWeights();
        while (_slots.Count < inputs.Count)
        {
            var vector = new StepVector(_network.Layout, _device);
            _slots.Add((vector, _device.HasOwnMemory ? _weights.WithOwnGradient() : _weights.WithGradient(vector.Gradient)));
        }
        for (int i = 0; i < inputs.Count; i++) _slots[i].Vector.Clear();

        int[] filled = [.. Enumerable.Range(0, inputs.Count).Where(i => inputs[i].Samples.Length > 0)];
        if (_recipe.BatchNorm == BatchNormMode.Global) ComputeGroup(step, inputs, filled, coupling);
        else foreach (int i in filled) ComputeGroup(step, inputs, [i], coupling: null);
        _device.Synchronize();
        foreach (int i in filled) CheckFinite(_slots[i].Vector);
        return [.. _slots.Take(inputs.Count).Select(slot => slot.Vector)];
    }

    /// <summary>Computes shards whose BatchNorm is coupled: the tokenizers in lockstep, the transformers one by one, then one backward pass through all
    /// tokenizers.</summary>
    private void ComputeGroup(StepIdentity step, IReadOnlyList<ShardInput> inputs, int[] group, IBatchNormCoupling? coupling)
    {
        if (group.Length == 0) return;
        using var scope = NewDisposeScope();
        if (_device.HasOwnMemory) foreach (int i in group) _slots[i].Leaves.ClearGradient();
        var statistics = new BatchNormStatistics(_network.Layout, group.Length, coupling);
        var pass = new ForwardPass
        {
            Parameters = [.. group.Select(i => _slots[i].Leaves)],
            Batch = statistics,
            Precision = _recipe.Precision,
            DropPath = [.. group.Select(i => new KeyedDropPath(_recipe.Seed, step.Epoch, step.Step, inputs[i].Samples, _recipe.Model.DropPathAxis))],
        };
        TokenGrid[] tokens = _network.Tokenize(pass, [.. group.Select(i => _device.ToDevice(inputs[i].X_BTCHW!))]);
        var tokenGradients = new Tensor[group.Length];
        for (int s = 0; s < group.Length; s++)
            tokenGradients[s] = ComputeTransformer(step, pass, s, inputs[group[s]], tokens[s], _slots[group[s]].Vector);
        Differentiation.Backward([.. tokens.Select(t => t.Values_GNE)], tokenGradients);

        for (int s = 0; s < group.Length; s++)
        {
            (StepVector vector, ParameterSet leaves) = _slots[group[s]];
            if (step.LossScale != 1) Unscale(leaves.Gradient!, step.LossScale);
            // The copy runs while the next group is computed.
            if (_device.HasOwnMemory) _device.CopyToHost(leaves.Gradient!, vector.Gradient);
            FillTail(step, inputs[group[s]], statistics, s, vector);
        }
    }

    /// <summary>Computes one shard's loss from its tokens, and the gradients back to the tokens.</summary>
    /// <returns>dL/dtokens.</returns>
    private Tensor ComputeTransformer(StepIdentity step, ForwardPass pass, int s, ShardInput input, TokenGrid tokens, StepVector vector)
    {
        using var scope = NewDisposeScope();
        Tensor leaf = tokens.Values_GNE.detach().requires_grad_(true);
        Tensor logits = _network.Classify(pass, s, tokens with { Values_GNE = leaf });
        Tensor loss = Loss.Smoothed(logits, _device.ToDevice(input.Y_B!), _recipe.LabelSmoothing, step.Samples);
        Differentiation.Backward([Scaled(loss, step.LossScale)]);
        (int top1, int top5) = Loss.Correct(logits, input.Y_B!);
        (vector.Loss, vector.Top1, vector.Top5) = ((float)TensorMemory.Value(loss), top1, top5);
        return leaf.grad!.MoveToOuterDisposeScope();
    }

    private static Tensor Scaled(Tensor loss, float scale)
    {
        if (scale == 1) return loss;
        using Scalar factor = scale.ToScalar();
        return loss.mul(factor);
    }

    private static void Unscale(Tensor gradient, float scale)
    {
        using Scalar factor = (1 / scale).ToScalar();
        gradient.mul_(factor);
    }

    /// <summary>Fills the vector after its gradient.</summary>
    private static void FillTail(StepIdentity step, ShardInput input, BatchNormStatistics statistics, int s, StepVector vector)
    {
        statistics.Mean[s].CopyTo(vector.BatchMeans);
        statistics.Variance[s].CopyTo(vector.BatchVariances);
        vector.Samples = input.Samples.Length;
        vector.FilledShards = 1;
        vector.LedgerSum = Ledger.Sum(step.Epoch, input.Samples);
    }

    /// <summary>Records whether a shard's loss and gradient are finite.</summary>
    private unsafe void CheckFinite(StepVector vector)
    {
        bool finite = float.IsFinite(vector.Loss) && VectorMath.IsFinite(vector.Pointer, _network.Layout.ParameterCount);
        vector.NonFiniteShards = finite ? 0 : 1;
    }

    /// <summary>Frees the vectors, the parameter leaves and the device's copy of the weights. The caller's weights remain.</summary>
    public void Dispose()
    {
        _device.Synchronize();
        foreach ((StepVector vector, ParameterSet leaves) in _slots)
        {
            leaves.Dispose();
            vector.Dispose();
        }
        _slots.Clear();
        if (_device.HasOwnMemory) _weights.Dispose();
    }
}
