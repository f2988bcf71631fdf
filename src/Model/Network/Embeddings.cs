using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>Learnable position and time tables. Other frame sizes and numbers of time steps resize them by nearest neighbour.</summary>
internal sealed class Embeddings
{
    private readonly int _position, _time;

    public Embeddings(StateLayout layout, string prefix, NetworkOptions options)
    {
        _position = layout.AddParameter(prefix + "pos_embed", InitialValue.TruncatedNormal, 1, options.Tokens, options.Width);
        _time = layout.AddParameter(prefix + "time_embed", InitialValue.Zero, 1, options.TimeSteps, options.Width);
    }

    /// <summary>Maps tokens to the sequence [B,N*T,E], time fastest.</summary>
    public Tensor Forward(ParameterSet parameters, TokenGrid grid)
    {
        (long groups, long tokens, long width) = (grid.Values_GNE.shape[0], grid.Values_GNE.shape[1], grid.Values_GNE.shape[2]);
        long batch = groups / grid.TimeSteps;
        Tensor placed_GNE = grid.Values_GNE.add(Positions(parameters[_position], tokens, grid.Columns), Constants.One);
        Tensor x_BNTE = placed_GNE.view(batch, grid.TimeSteps, tokens, width).transpose(1, 2);
        return x_BNTE.add(Times(parameters[_time], grid.TimeSteps), Constants.One).reshape(batch, tokens * grid.TimeSteps, width);
    }

    /// <summary>Returns the table, treated as a square and resized to rows x columns if its length differs.</summary>
    private static Tensor Positions(Tensor table_1NE, long tokens, long columns)
    {
        long stored = table_1NE.shape[1];
        if (stored == tokens) return table_1NE;
        long side = (long)Math.Sqrt(stored), rows = tokens / columns;
        var index = new long[tokens];
        for (long r = 0; r < rows; r++)
            for (long c = 0; c < columns; c++)
                index[r * columns + c] = Nearest(r, rows, side) * side + Nearest(c, columns, side);
        return table_1NE.index_select(1, tensor(index, device: table_1NE.device));
    }

    private static Tensor Times(Tensor table_1TE, long timeSteps)
    {
        long stored = table_1TE.shape[1];
        if (stored == timeSteps) return table_1TE;
        var index = new long[timeSteps];
        for (long t = 0; t < timeSteps; t++) index[t] = Nearest(t, timeSteps, stored);
        return table_1TE.index_select(1, tensor(index, device: table_1TE.device));
    }

    /// <summary>Returns the source index of a target index, computed in float32 as libtorch's nearest-neighbour resize does.</summary>
    private static long Nearest(long target, long targets, long sources) =>
        Math.Min((long)MathF.Floor(target * ((float)sources / targets)), sources - 1);
}
