namespace Spikeformer.Training;

/// <summary>
/// The learning rate as a pure function of the epoch. The segment with the latest first epoch so far applies. Within it, let
/// i = epoch - <c>from</c>, W = <c>warmup</c> and j = i - W:
/// <list type="bullet">
/// <item>warm-up (i below W): base (i + 1) / (W + 1), so the rate is never 0 and reaches the base after W epochs;</item>
/// <item><c>constant</c>: base; <c>step</c>: base factor^floor(j / every);</item>
/// <item><c>cosine</c>: base (1 + cos(pi x)) / 2, <c>linear</c>: base (1 - x), where x = j / (until - from - W), at most 1;</item>
/// <item><c>reference-dvs</c>, the authors' wrapper, which lags one epoch: with k = max(i - 1, 0), base k / W while k is at most W, then
/// base factor^floor((k - W) / every). The first two epochs have rate 0. With W = 0, which the authors' code does not support, the rate is base
/// at k = 0;</item>
/// <item><c>reference-imagenet</c>: base (0.01 + 0.99 i / W) in warm-up, then <c>cosine</c>.</item>
/// </list>
/// </summary>
/// <remarks>Checked against the authors' code and logs to 1e-12 relative. Uses only IEEE arithmetic and no mathematics library, so every machine
/// gets the same bits.</remarks>
/// <param name="segments">The segments, ordered by their first epoch; the first begins at epoch 0.</param>
/// <param name="epochs">The number of epochs, at which a curve without <c>until</c> ends.</param>
public sealed class Schedule(IReadOnlyList<ScheduleSegment> segments, int epochs)
{
    /// <summary>Creates the schedule of a recipe.</summary>
    public Schedule(Recipe recipe) : this(recipe.Schedule, recipe.Epochs) { }

    /// <summary>Returns the learning rate of an epoch.</summary>
    /// <param name="epoch">The epoch, from 0. After its end, a curve stays at 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epoch"/> is negative.</exception>
    public double LearningRate(int epoch)
    {
        ScheduleSegment segment = SegmentAt(epoch);
        int i = epoch - segment.From;
        bool warming = i < segment.Warmup;
        int j = i - segment.Warmup;
        return segment.Base * segment.Kind switch
        {
            ScheduleKind.ReferenceDvs => ReferenceDvs(segment, Math.Max(i - 1, 0)),
            ScheduleKind.ReferenceImagenet when warming => 0.01 + 0.99 * i / segment.Warmup,
            _ when warming => (i + 1.0) / (segment.Warmup + 1),
            ScheduleKind.Constant => 1,
            ScheduleKind.Step => Power(segment.Factor!.Value, j / segment.Every!.Value),
            ScheduleKind.Cosine or ScheduleKind.ReferenceImagenet => HalfCosine(Left(segment, j)),
            ScheduleKind.Linear => Left(segment, j),
            _ => throw new InvalidOperationException($"Schedule kind {segment.Kind} has no curve."),
        };
    }

    /// <summary>Returns whether the optimizer's moments are cleared before the first step of an epoch, because a segment with
    /// <c>resetMomentum</c> begins.</summary>
    public bool ResetsMomentum(int epoch) => segments.Any(segment => segment.From == epoch && segment.ResetMomentum);

    /// <summary>The first epochs of the segments, in order.</summary>
    public IReadOnlyList<int> Starts => [.. segments.Select(segment => segment.From)];

    private ScheduleSegment SegmentAt(int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        return segments.Last(segment => segment.From <= epoch);
    }

    private static double ReferenceDvs(ScheduleSegment segment, int k) =>
        k < segment.Warmup ? (double)k / segment.Warmup : Power(segment.Factor ?? 0.1, (k - segment.Warmup) / (segment.Every ?? 192));

    /// <summary>Returns 1 - x, the remaining share of the curve, from 1 to 0.</summary>
    private double Left(ScheduleSegment segment, int j)
    {
        int length = (segment.Until ?? epochs) - segment.From - segment.Warmup;
        return j < length ? (double)(length - j) / length : 0;
    }

    private static double Power(double factor, int exponent)
    {
        double power = 1;
        for (int i = 0; i < exponent && power != 0; i++) power *= factor;
        return power;
    }

    /// <summary>Returns (1 + cos(pi (1 - left))) / 2, which is exactly 1 at the start of the curve and 0 at its end; the error is below 1e-15.</summary>
    private static double HalfCosine(double left) => left <= 0.5 ? SquaredSine(left) : 1 - SquaredSine(1 - left);

    /// <summary>Returns sin(pi x / 2)^2 for x in [0, 0.5], by the Taylor series of the sine.</summary>
    private static double SquaredSine(double x)
    {
        double y = x * (Math.PI / 2), sum = 0;
        for (int n = 10; n > 0; n--) sum = (1 + sum) * (-y * y / (2 * n * (2 * n + 1)));
        double sine = y * (1 + sum);
        return sine * sine;
    }
}
