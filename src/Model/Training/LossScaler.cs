namespace Spikeformer.Training;

/// <summary>The factor on the loss in float16 training, which keeps small gradients from vanishing. It halves after a step whose gradient was not finite and
/// doubles after 2,000 consecutive finite steps. It is always a power of two, so multiplication and division are exact.</summary>
/// <remarks>It is part of the training state and follows the verdict that all workers share. The constants are those of torch.cuda.amp.GradScaler.</remarks>
internal sealed class LossScaler
{
    /// <summary>The number of consecutive finite steps after which the scale doubles.</summary>
    public const int GrowthInterval = 2000;

    private const float Initial = 65536;

    /// <summary>The factor, a power of two.</summary>
    public float Scale { get; private set; } = Initial;

    /// <summary>The number of finite steps since the scale last changed.</summary>
    public long FiniteSteps { get; private set; }

    /// <summary>Updates the scale after a step.</summary>
    public void Update(bool isFinite)
    {
        if (!isFinite) (Scale, FiniteSteps) = (Scale / 2, 0);
        else if (++FiniteSteps == GrowthInterval) (Scale, FiniteSteps) = (float.IsFinite(Scale * 2) ? Scale * 2 : Scale, 0);
    }

    /// <summary>Restores a saved scale.</summary>
    public void Restore(float scale, long finiteSteps) => (Scale, FiniteSteps) = (scale, finiteSteps);

    /// <summary>Restores the initial scale.</summary>
    public void Reset() => Restore(Initial, 0);
}
