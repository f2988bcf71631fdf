using Spikeformer.Numerics;
using Spikeformer.Recipes;

namespace Spikeformer.Training.Optimizers;

/// <summary>
/// An update rule over the flat parameters: one pass over memory per update. Elementwise, with explicit fused multiply-adds and no
/// estimates or library mathematics, so the bits are the same on every processor.
/// </summary>
/// <remarks>Holds no state of its own and may be shared; the moments are the caller's <see cref="OptimizerState"/>. The finite verdict is
/// the caller's too: apply only finite gradients.</remarks>
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

    /// <summary>Names of the moment buffers.</summary>
    public abstract IReadOnlyList<string> StateNames { get; }

    /// <summary>Number of parameters.</summary>
    public long Length { get; }

    /// <summary>The optimizer of a recipe.</summary>
    /// <param name="recipe">Kind and constants.</param>
    /// <param name="ranges">Weight decay of all parameters, in order and without gaps: <see cref="DecayRange.Of"/>.</param>
    public static Optimizer Create(OptimizerRecipe recipe, IReadOnlyList<DecayRange> ranges) => recipe.Kind switch
    {
        OptimizerKind.Adam => new Adam(recipe, ranges),
        OptimizerKind.AdamW => new AdamW(recipe, ranges),
        OptimizerKind.Sgd => new SgdMomentum(recipe, ranges),
        _ => throw new ArgumentException($"There is no optimizer {recipe.Kind}.", nameof(recipe)),
    };

    /// <summary>New moments, all zero.</summary>
    public OptimizerState CreateState() => new(StateNames, Length);

    /// <summary>One update of every parameter.</summary>
    /// <param name="parameters">float32, <see cref="Length"/> elements; updated in place.</param>
    /// <param name="gradients">float32, <see cref="Length"/> elements, finite; only read.</param>
    /// <param name="state">The moments; updated in place.</param>
    /// <param name="learningRate">Learning rate, at least 0.</param>
    /// <param name="applied">Number of updates since the start, or since the last reset of momentum; with 0 the moments start afresh,
    /// whatever the buffers hold.</param>
    /// <exception cref="ArgumentException">The state is not one of this optimizer's.</exception>
    public void Apply(float* parameters, float* gradients, OptimizerState state, double learningRate, long applied) =>
        Apply(parameters, gradients, state, learningRate, applied, Lanes.Widest);

    /// <summary>The same at a chosen width; every width gives the same bits.</summary>
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
