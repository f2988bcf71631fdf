namespace Spikeformer.Training.Optimizers;

/// <summary>Adam with the L2 term added to the gradient (coupled decay), the authors' rule for the DVS jobs. With the update n counted from 1: g += wd p; m =
/// b1 m + (1 - b1) g; v = b2 v + (1 - b2) g g; p -= lr / (1 - b1^n) m / (sqrt(v) / sqrt(1 - b2^n) + eps).</summary>
/// <remarks>Kingma and Ba, "Adam: a method for stochastic optimization", 2015. Constants are rounded to float32 once per update.</remarks>
/// <param name="recipe">Provides beta1, beta2 and epsilon.</param>
/// <param name="ranges">The weight decay of all parameters.</param>
internal sealed unsafe class Adam(OptimizerRecipe recipe, IReadOnlyList<DecayRange> ranges) : Optimizer(ranges)
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> StateNames => AdamKernel.StateNames;

    /// <inheritdoc/>
    private protected override void Update<T>(float* parameters, float* gradients, OptimizerState state, DecayRange range,
        double learningRate, long applied)
    {
        var constants = AdamConstants.At(recipe, learningRate, applied) with { GradientDecay = (float)range.Decay };
        AdamKernel.Update<T>(parameters, gradients, state, range, constants);
    }
}

/// <summary>Adam with decoupled decay: first p *= 1 - lr wd, then Adam's update with the unchanged gradient.</summary>
/// <remarks>Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.</remarks>
/// <param name="recipe">Provides beta1, beta2 and epsilon.</param>
/// <param name="ranges">The weight decay of all parameters.</param>
internal sealed unsafe class AdamW(OptimizerRecipe recipe, IReadOnlyList<DecayRange> ranges) : Optimizer(ranges)
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> StateNames => AdamKernel.StateNames;

    /// <inheritdoc/>
    private protected override void Update<T>(float* parameters, float* gradients, OptimizerState state, DecayRange range,
        double learningRate, long applied)
    {
        var constants = AdamConstants.At(recipe, learningRate, applied) with { Shrink = (float)(1 - learningRate * range.Decay) };
        AdamKernel.Update<T>(parameters, gradients, state, range, constants);
    }
}

/// <summary>The constants of one update, the same for every element of a range.</summary>
internal readonly record struct AdamConstants(
    float Beta1, float Beta1Rest, float Beta2, float Beta2Rest, float NegativeRate, float RootCorrection, float Epsilon)
{
    /// <summary>The coupled decay: its product with the parameter is added to the gradient.</summary>
    public float GradientDecay { get; init; }
    /// <summary>The decoupled decay: a factor on the parameter.</summary>
    public float Shrink { get; init; } = 1;

    public static AdamConstants At(OptimizerRecipe recipe, double learningRate, long applied) => new(
        (float)recipe.Beta1, (float)(1 - recipe.Beta1), (float)recipe.Beta2, (float)(1 - recipe.Beta2),
        (float)(-learningRate / (1 - Power(recipe.Beta1, applied + 1))),
        (float)(1 / Math.Sqrt(1 - Power(recipe.Beta2, applied + 1))),
        (float)recipe.Epsilon);

    /// <summary>Computes a power by squaring. Math.Pow comes from the C library, whose last bit differs between versions.</summary>
    private static double Power(double number, long exponent)
    {
        double power = 1;
        for (; exponent > 0; exponent >>= 1, number *= number)
            if ((exponent & 1) != 0) power *= number;
        return power;
    }
}

/// <summary>The pass over memory that Adam and AdamW share. Each sets the other's decay to have no effect.</summary>
internal static unsafe class AdamKernel
{
    public static readonly IReadOnlyList<string> StateNames = ["exp_avg", "exp_avg_sq"];

    public static void Update<T>(float* parameters, float* gradients, OptimizerState state, DecayRange range, AdamConstants constants)
        where T : unmanaged, ILanes<T>
    {
        float* p = parameters + range.Offset, g = gradients + range.Offset;
        float* m = state["exp_avg"] + range.Offset, v = state["exp_avg_sq"] + range.Offset;
        long i = 0;
        for (; i <= range.Length - T.Count; i += T.Count) Step<T>(p + i, g + i, m + i, v + i, constants);
        for (; i < range.Length; i++) Step<Lanes1>(p + i, g + i, m + i, v + i, constants);
    }

    private static void Step<T>(float* p, float* g, float* m, float* v, AdamConstants constants) where T : unmanaged, ILanes<T>
    {
        T parameter = T.Load(p);
        T gradient = T.MultiplyAdd(T.Broadcast(constants.GradientDecay), parameter, T.Load(g));
        T mean = T.MultiplyAdd(T.Broadcast(constants.Beta1), T.Load(m), T.Multiply(T.Broadcast(constants.Beta1Rest), gradient));
        T square = T.MultiplyAdd(T.Broadcast(constants.Beta2), T.Load(v),
            T.Multiply(T.Multiply(T.Broadcast(constants.Beta2Rest), gradient), gradient));
        T denominator = T.MultiplyAdd(T.SquareRoot(square), T.Broadcast(constants.RootCorrection), T.Broadcast(constants.Epsilon));
        T shrunk = T.Multiply(T.Broadcast(constants.Shrink), parameter);
        T.Store(T.MultiplyAdd(T.Broadcast(constants.NegativeRate), T.Divide(mean, denominator), shrunk), p);
        T.Store(mean, m);
        T.Store(square, v);
    }
}
