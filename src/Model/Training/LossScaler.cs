namespace Spikeformer.Training;

/// <summary>
/// The factor that float16 gradients are computed under, so that small ones do not vanish: it halves at a step whose gradient was not finite,
/// and doubles after 2,000 finite ones in a row. Always a power of two, so that multiplying and dividing by it rounds nothing.
/// </summary>
/// <remarks>A part of the training state: it follows the verdict that all workers share. The constants are those of torch.cuda.amp.GradScaler.</remarks>
internal sealed class LossScaler
{
    /// <summary>Finite steps in a row after which the scale doubles.</summary>
    public const int GrowthInterval = 2000;

    private const float Initial = 65536;

    /// <summary>The factor.</summary>
    public float Scale { get; private set; } = Initial;

    /// <summary>Finite steps since the scale last changed.</summary>
    public long FiniteSteps { get; private set; }

    /// <summary>Follows the verdict on a step.</summary>
    public void Update(bool isFinite)
    {
        if (!isFinite) (Scale, FiniteSteps) = (Scale / 2, 0);
        else if (++FiniteSteps == GrowthInterval) (Scale, FiniteSteps) = (float.IsFinite(Scale * 2) ? Scale * 2 : Scale, 0);
    }

    /// <summary>Takes over a saved one.</summary>
    public void Restore(float scale, long finiteSteps) => (Scale, FiniteSteps) = (scale, finiteSteps);

    /// <summary>Back to the beginning.</summary>
    public void Reset() => Restore(Initial, 0);
}
