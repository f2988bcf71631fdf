namespace Spikeformer.Training.Optimizers;

/// <summary>SGD with momentum, without dampening or Nesterov momentum, with the L2 term added to the gradient: the authors' rule for ImageNet. g += wd p; buf =
/// mu buf + g, starting from a zero buffer; p -= lr buf.</summary>
/// <param name="recipe">Provides the momentum.</param>
/// <param name="ranges">The weight decay of all parameters.</param>
internal sealed unsafe class SgdMomentum(OptimizerRecipe recipe, IReadOnlyList<DecayRange> ranges) : Optimizer(ranges)
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> StateNames { get; } = ["momentum_buffer"];

    /// <inheritdoc/>
    private protected override void Update<T>(float* parameters, float* gradients, OptimizerState state, DecayRange range,
        double learningRate, long applied)
    {
        (float decay, float momentum, float rate) = ((float)range.Decay, (float)recipe.Momentum, (float)-learningRate);
        float* p = parameters + range.Offset, g = gradients + range.Offset, buffer = state["momentum_buffer"] + range.Offset;
        long i = 0;
        for (; i <= range.Length - T.Count; i += T.Count) Step<T>(p + i, g + i, buffer + i, decay, momentum, rate);
        for (; i < range.Length; i++) Step<Lanes1>(p + i, g + i, buffer + i, decay, momentum, rate);
    }

    private static void Step<T>(float* p, float* g, float* buffer, float decay, float momentum, float rate) where T : unmanaged, ILanes<T>
    {
        T parameter = T.Load(p);
        T gradient = T.MultiplyAdd(T.Broadcast(decay), parameter, T.Load(g));
        T moving = T.MultiplyAdd(T.Broadcast(momentum), T.Load(buffer), gradient);
        T.Store(T.MultiplyAdd(T.Broadcast(rate), moving, parameter), p);
        T.Store(moving, buffer);
    }
}
