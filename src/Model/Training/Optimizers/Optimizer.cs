namespace Spikeformer.Training.Optimizers;

/// <summary>An update rule for the flat parameters, with one pass over memory per update. It works elementwise, with explicit fused multiply-adds and without
/// estimate instructions or a mathematics library, so the bits are the same on every processor.</summary>
/// <remarks>It has no state and may be shared; the caller owns the moments, <see cref="OptimizerState"/>. The caller must also check that the
/// gradients are finite.</remarks>
public abstract unsafe class Optimizer
{
    private readonly IReadOnlyList<DecayRange> _ranges;

    private protected Optimizer(IReadOnlyList<DecayRange> ranges)
    {
        foreach (DecayRange range in ranges)
        {
            if (range.Offset != Length || range.Length < 1)
                throw new ArgumentException($"Decay ranges must follow each other without gaps; {range} does not begin at {Length}.",
                    nameof(ranges));
            Length += range.Length;
        }
        _ranges = ranges;
    }

    /// <summary>The names of the moment buffers.</summary>
    public abstract IReadOnlyList<string> StateNames { get; }

    /// <summary>The number of parameters.</summary>
    public long Length { get; }

    /// <summary>Creates the optimizer of a recipe.</summary>
    /// <param name="recipe">The kind and the constants.</param>
    /// <param name="ranges">The weight decay of all parameters, in order and without gaps; see <see cref="DecayRange.Of"/>.</param>
    /// <exception cref="ArgumentException">The ranges overlap or have gaps.</exception>
    public static Optimizer Create(OptimizerRecipe recipe, IReadOnlyList<DecayRange> ranges) => recipe.Kind switch
    {
        OptimizerKind.Adam => new Adam(recipe, ranges),
        OptimizerKind.AdamW => new AdamW(recipe, ranges),
        OptimizerKind.Sgd => new SgdMomentum(recipe, ranges),
        _ => throw new ArgumentException($"There is no optimizer {recipe.Kind}.", nameof(recipe)),
    };

    /// <summary>Creates moments, all zero. The caller disposes them.</summary>
    public OptimizerState CreateState() => new(StateNames, Length);

    /// <summary>Updates every parameter once.</summary>
    /// <param name="parameters">The parameters, float32, <see cref="Length"/> elements; updated in place.</param>
    /// <param name="gradients">The gradients, float32, <see cref="Length"/> elements, all finite; only read.</param>
    /// <param name="state">The moments; updated in place.</param>
    /// <param name="learningRate">The learning rate, at least 0.</param>
    /// <param name="applied">The number of updates since the start, or since the last reset of momentum. With 0, the moments are cleared first.</param>
    /// <exception cref="ArgumentException">The state does not belong to this kind of optimizer.</exception>
    public void Apply(float* parameters, float* gradients, OptimizerState state, double learningRate, long applied) =>
        Apply(parameters, gradients, state, learningRate, applied, Lanes.Widest);

    /// <summary>Updates every parameter once, with vectors of a chosen width. Every width gives the same bits.</summary>
    internal void Apply(float* parameters, float* gradients, OptimizerState state, double learningRate, long applied, LaneWidth width)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(applied);
        if (state.Length != Length || !state.Names.SequenceEqual(StateNames))
            throw new ArgumentException(
                $"The state has {state.Length} elements of {string.Join(", ", state.Names)}; "
                + $"{Length} of {string.Join(", ", StateNames)} are needed.",
                nameof(state));
        if (applied == 0) state.Clear();
        foreach (DecayRange range in _ranges)
        {
            switch (width)
            {
                case LaneWidth.Sixteen: Update<Lanes16>(parameters, gradients, state, range, learningRate, applied); break;
                case LaneWidth.Eight: Update<Lanes8>(parameters, gradients, state, range, learningRate, applied); break;
                default: Update<Lanes1>(parameters, gradients, state, range, learningRate, applied); break;
            }
        }
    }

    /// <summary>Updates one range.</summary>
    private protected abstract void Update<T>(float* parameters, float* gradients, OptimizerState state, DecayRange range,
        double learningRate, long applied) where T : unmanaged, ILanes<T>;
}
