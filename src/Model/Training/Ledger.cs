namespace Spikeformer.Training;

/// <summary>The record of the committed samples: the sum of their hashes modulo 2^64. The sum does not depend on the division into shards and steps, and its
/// value after any number of steps can be computed in advance, so a lost or repeated sample shows.</summary>
public static class Ledger
{
    /// <summary>Returns the hash of one use of a training sample.</summary>
    public static ulong Hash(int epoch, int sample)
    {
        // SplitMix64's finaliser: a bijection, so no two (epoch, sample) pairs share a hash.
        ulong z = ((ulong)(uint)epoch << 32 | (uint)sample) + 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Returns the sum of the hashes of samples used in an epoch.</summary>
    public static ulong Sum(int epoch, ReadOnlySpan<int> samples)
    {
        ulong sum = 0;
        foreach (int sample in samples) sum += Hash(epoch, sample);
        return sum;
    }
}
