using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>Stochastic depth: drops whole rows of a branch in training and scales up the others.</summary>
internal static class DropPath
{
    /// <summary>Returns the rate of a block, which grows linearly from 0 at the first block to <paramref name="last"/> at the last.</summary>
    public static double Rate(int block, int depth, double last) => depth == 1 ? 0 : last * block / (depth - 1);

    /// <summary>Returns x / keep * floor(keep + u), with keep = 1 - rate. Each draw u applies to an equal share of the rows.</summary>
    /// <param name="x">The branch, with rows along <paramref name="axis"/>.</param>
    /// <param name="draws">Uniform numbers in [0, 1); their count divides the number of rows, and neighbouring rows share a draw.</param>
    /// <param name="rate">The probability of a drop, 0 to below 1.</param>
    /// <param name="axis">The axis of the rows.</param>
    public static Tensor Apply(Tensor x, float[] draws, double rate, int axis = 0)
    {
        double keep = 1 - rate;
        long rows = x.shape[axis], shared = rows / draws.Length;
        var factors = new double[rows];
        for (long row = 0; row < rows; row++) factors[row] = Math.Floor(keep + draws[row / shared]) / keep;
        var shape = new long[x.dim()];
        Array.Fill(shape, 1);
        shape[axis] = rows;
        using Tensor mask = tensor(factors, x.dtype, x.device).view(shape);
        return x.mul(mask);
    }
}

/// <summary>Drop-path draws whose keys contain only the sample or the step, so they do not depend on how the batch is split into shards.</summary>
/// <param name="seed">The run's seed.</param>
/// <param name="epoch">The epoch of the step, from 0.</param>
/// <param name="step">The step, counted over the run from 0.</param>
/// <param name="samples">The training-set indices of the shard's samples, in batch order.</param>
/// <param name="axis">The rows that share a draw.</param>
internal sealed class KeyedDropPath(ulong seed, int epoch, long step, int[] samples, DropPathAxis axis) : IDropPathDraws
{
    public float[] Temporal(int block, int batch, int tokens) => PerSample(RandomPurpose.DropPathTemporal, block, tokens);

    public float[] Spatial(int block, int batch, int timeSteps) => PerSample(RandomPurpose.DropPathSpatial, block, timeSteps);

    public float[] Mlp(int block, int batch, int timeSteps)
    {
        if (axis == DropPathAxis.Sample) return PerSample(RandomPurpose.DropPathMlp, block, 1);
        var random = new KeyedRandom(seed, RandomPurpose.DropPathMlp, step, block);
        var draws = new float[timeSteps];
        for (int t = 0; t < timeSteps; t++) draws[t] = random.NextSingle();
        return draws;
    }

    private float[] PerSample(RandomPurpose purpose, int block, int rows)
    {
        if (axis == DropPathAxis.Sample) rows = 1;
        var draws = new float[samples.Length * rows];
        for (int b = 0; b < samples.Length; b++)
        {
            var random = new KeyedRandom(seed, purpose, epoch, samples[b], block);
            for (int row = 0; row < rows; row++) draws[b * rows + row] = random.NextSingle();
        }
        return draws;
    }
}
