using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>The convolutional tokenizer: a sequence of SEW blocks whose output pixels are the tokens.</summary>
internal sealed class Tokenizer
{
    private readonly SewBlock[] _blocks;

    public Tokenizer(StateLayout layout, string prefix, NetworkOptions options)
    {
        IReadOnlyList<int> channels = options.BlockChannels;
        _blocks = new SewBlock[options.Strides.Count];
        int inputs = options.InputChannels;
        for (int i = 0; i < _blocks.Length; i++)
        {
            _blocks[i] = new SewBlock(layout, $"{prefix}conv_layers.{i}.", inputs, channels[i], options.Kernel, options.Strides[i], options.Neuron);
            inputs = channels[i];
        }
    }

    /// <summary>Maps the frames [B,T,C,H,W] of each shard to tokens.</summary>
    public TokenGrid[] Forward(ForwardPass pass, Tensor[] x_BTCHW)
    {
        Tensor[] x_TBHWC = Array.ConvertAll(x_BTCHW, frames => pass.Stored(frames.permute(1, 0, 3, 4, 2)).contiguous());
        foreach (SewBlock block in _blocks) x_TBHWC = block.Forward(pass, x_TBHWC);
        return Array.ConvertAll(x_TBHWC, x => new TokenGrid(
            x.transpose(0, 1).flatten(2, 3).flatten(0, 1), TimeSteps: (int)x.shape[0], Columns: (int)x.shape[3]));
    }
}

/// <summary>The tokens of a shard.</summary>
/// <param name="Values_GNE">The tokens, [B*T,N,E], with t varying faster than b; token n = row * Columns + column.</param>
/// <param name="TimeSteps">The number of time steps T.</param>
/// <param name="Columns">The number of token columns of a frame.</param>
internal readonly record struct TokenGrid(Tensor Values_GNE, int TimeSteps, int Columns);
