namespace Spikeformer.Network;

/// <summary>The count, mean and squared deviations of each channel of a batch, float64. The identity of <see cref="Merge"/> has count 0.</summary>
/// <param name="Count">n, the number of values per channel.</param>
/// <param name="Mean">The mean of each channel.</param>
/// <param name="SquaredDeviations">M2, the sum of squared deviations from the mean of each channel.</param>
public sealed record BatchMoments(double Count, double[] Mean, double[] SquaredDeviations)
{
    /// <summary>Returns the moments of the union of two batches (Chan, Golub and LeVeque, 1979).</summary>
    public static BatchMoments Merge(BatchMoments left, BatchMoments right)
    {
        if (left.Count == 0) return right;
        if (right.Count == 0) return left;
        double n = left.Count + right.Count, share = right.Count / n, weight = left.Count * share;
        double[] mean = new double[left.Mean.Length], m2 = new double[mean.Length];
        for (int c = 0; c < mean.Length; c++)
        {
            double delta = right.Mean[c] - left.Mean[c];
            mean[c] = left.Mean[c] + delta * share;
            m2[c] = left.SquaredDeviations[c] + right.SquaredDeviations[c] + delta * delta * weight;
        }
        return new(n, mean, m2);
    }
}

/// <summary>Sums over a batch for BatchNorm's backward pass, float64, per channel.</summary>
/// <param name="Plain">The sum of dL/dy.</param>
/// <param name="Normalised">The sum of dL/dy times the normalised input.</param>
public sealed record GradientSums(double[] Plain, double[] Normalised)
{
    /// <summary>Returns the sums over the union of two batches.</summary>
    public static GradientSums Add(GradientSums left, GradientSums right)
    {
        double[] plain = new double[left.Plain.Length], normalised = new double[plain.Length];
        for (int c = 0; c < plain.Length; c++)
        {
            plain[c] = left.Plain[c] + right.Plain[c];
            normalised[c] = left.Normalised[c] + right.Normalised[c];
        }
        return new(plain, normalised);
    }
}
