using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>The Spikeformer network: a spiking convolutional tokenizer, transformer blocks over space and time, attention pooling and a linear head. It holds
/// only the structure. Parameters and statistics are arguments, so one network serves any number of shards and threads.</summary>
/// <remarks>It is the exact counterpart of the authors' model, with the same parameter names and order and, up to rounding, the same outputs
/// and gradients.</remarks>
public sealed class SpikeformerNetwork
{
    private readonly Tokenizer _tokenizer;
    private readonly Embeddings _embeddings;
    private readonly TransformerBlock[] _blocks;
    private readonly LayerNorm _norm;
    private readonly Linear _pool, _head;

    /// <summary>Builds the layers and the layout of the state.</summary>
    /// <exception cref="SpikeformerException">The sizes do not fit together (Usage).</exception>
    public SpikeformerNetwork(NetworkOptions options)
    {
        options.Validate();
        Options = options;
        Layout = new StateLayout();
        const string prefix = "model.";
        _embeddings = new Embeddings(Layout, prefix, options);
        _tokenizer = new Tokenizer(Layout, prefix + "patch_embed.", options);
        _blocks = new TransformerBlock[options.Depth];
        for (int i = 0; i < _blocks.Length; i++) _blocks[i] = new TransformerBlock(Layout, $"{prefix}blocks.{i}.", i, options);
        _norm = new LayerNorm(Layout, prefix + "norm.", options.Width);
        _pool = new Linear(Layout, prefix + "attention_pool.", options.Width, 1);
        _head = new Linear(Layout, prefix + "head.", options.Width, options.Classes);
    }

    /// <summary>The sizes of the network.</summary>
    public NetworkOptions Options { get; }

    /// <summary>The names, shapes and offsets of parameters and buffers.</summary>
    public StateLayout Layout { get; }

    /// <summary>Classifies frames, normalising with running statistics.</summary>
    /// <param name="parameters">The weights.</param>
    /// <param name="running">The statistics to normalise with, on any device; not changed.</param>
    /// <param name="x_BTCHW">Frames, [B,T,C,H,W] or [B,1,C,H,W], with type and device of the parameters. The total stride must divide H and W. Frame
    /// sizes and numbers of time steps other than the network's resize its position and time tables.</param>
    /// <param name="precision">The storage format of activations; bf16 and fp16 need float32 weights.</param>
    /// <param name="observe">Receives intermediate tensors by name, valid only during the call; null for none.</param>
    /// <returns>The logits, [B, classes]. The caller disposes them.</returns>
    public Tensor Evaluate(ParameterSet parameters, RunningStatistics running, Tensor x_BTCHW, Precision precision = Precision.Fp32,
        Action<string, Tensor>? observe = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var pass = new ForwardPass { Parameters = [parameters], Running = running, Precision = precision, Observe = observe };
        TokenGrid tokens = Tokenize(pass, [x_BTCHW])[0];
        return Classify(pass, 0, tokens).MoveToOuterDisposeScope();
    }

    /// <summary>Maps the frames of each shard to tokens, all shards in lockstep.</summary>
    internal TokenGrid[] Tokenize(ForwardPass pass, Tensor[] x_BTCHW) => _tokenizer.Forward(pass, Array.ConvertAll(x_BTCHW, Repeat));

    /// <summary>Maps one shard's tokens to logits [B, classes].</summary>
    internal Tensor Classify(ForwardPass pass, int shard, TokenGrid tokens)
    {
        ParameterSet p = pass.Parameters[shard];
        pass.Observe?.Invoke("tokens", tokens.Values_GNE);
        Tensor x_BLE = _embeddings.Forward(p, tokens);
        for (int i = 0; i < _blocks.Length; i++)
        {
            x_BLE = _blocks[i].Forward(pass, shard, x_BLE, tokens.TimeSteps);
            pass.Observe?.Invoke($"block{i}", x_BLE);
        }
        x_BLE = _norm.Forward(p, x_BLE);
        Tensor weights_B1L = _pool.Forward(p, x_BLE).softmax(1).transpose(1, 2);
        return _head.Forward(p, matmul(weights_B1L, x_BLE).squeeze(1));
    }

    /// <summary>Repeats a still image, which has one time step, for every time step.</summary>
    private Tensor Repeat(Tensor x_BTCHW) =>
        x_BTCHW.shape[1] == 1 && Options.TimeSteps > 1 ? x_BTCHW.expand(-1, Options.TimeSteps, -1, -1, -1) : x_BTCHW;
}
