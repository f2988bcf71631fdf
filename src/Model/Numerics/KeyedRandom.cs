namespace Spikeformer.Numerics;

/// <summary>The purpose of a stream of random numbers. The values are part of every run's result: never renumber them.</summary>
public enum RandomPurpose
{
    /// <summary>Initial weights, keyed by parameter index.</summary>
    Initialisation = 1,
    /// <summary>The order of samples, keyed by epoch.</summary>
    EpochOrder = 2,
    /// <summary>Augmentation draws, keyed by (epoch, sample).</summary>
    Augmentation = 3,
    /// <summary>Drop-path of the temporal attention, keyed by (epoch, sample, block).</summary>
    DropPathTemporal = 4,
    /// <summary>Drop-path of the spatial attention, keyed by (epoch, sample, block).</summary>
    DropPathSpatial = 5,
    /// <summary>Drop-path of the MLP, keyed by (step, block) and shared by the whole global batch.</summary>
    DropPathMlp = 6,
    /// <summary>Synthetic recordings, keyed by (split, sample).</summary>
    Synthetic = 7,
}

/// <summary>A stream of random numbers that is a pure function of its key: the run's seed, a purpose and up to three indices. Nothing is saved or shared, so a
/// resumed, repeated or re-sharded computation draws the same numbers.</summary>
/// <remarks>Uses Philox4x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11). It needs only integer
/// arithmetic, so every machine draws the same numbers. The key is the seed. The counter holds the purpose and the indices in its upper words
/// and the position in the lowest. A stream yields 2^34 words of 32 bits. Not thread-safe; creating one costs nothing.</remarks>
public struct KeyedRandom
{
    private readonly uint _key0, _key1, _c1, _c2, _c3;
    private uint _block, _used;
    private uint _w0, _w1, _w2, _w3;

    /// <summary>Starts the stream of <paramref name="purpose"/> at its first number.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="purpose">The purpose of the numbers.</param>
    /// <param name="a">First index (epoch, step or parameter), 0 to 2^32-1.</param>
    /// <param name="b">Second index (sample or block), 0 to 2^32-1.</param>
    /// <param name="c">Third index, 0 to 2^24-1.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is outside its range.</exception>
    public KeyedRandom(ulong seed, RandomPurpose purpose, long a = 0, long b = 0, int c = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)a, uint.MaxValue, nameof(a));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)b, uint.MaxValue, nameof(b));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)c, (1u << 24) - 1, nameof(c));
        (_key0, _key1) = ((uint)seed, (uint)(seed >> 32));
        (_c1, _c2, _c3) = ((uint)a, (uint)b, ((uint)purpose << 24) | (uint)c);
        _used = 4;
    }

    /// <summary>Draws 32 random bits.</summary>
    public uint NextUInt32()
    {
        if (_used == 4) NextBlock();
        return _used++ switch { 0 => _w0, 1 => _w1, 2 => _w2, _ => _w3 };
    }

    /// <summary>Draws 64 random bits.</summary>
    public ulong NextUInt64() => NextUInt32() | ((ulong)NextUInt32() << 32);

    /// <summary>Draws a number uniformly from [0, 1): a multiple of 2^-24, exact in float32.</summary>
    public float NextSingle() => (NextUInt32() >> 8) * (1f / (1 << 24));

    /// <summary>Draws a number uniformly from (0, 1): (k + 0.5) / 2^52, never 0 or 1.</summary>
    public double NextDouble() => ((NextUInt64() >> 12) + 0.5) * (1.0 / (1L << 52));

    /// <summary>Draws a number uniformly from [low, high).</summary>
    public double NextDouble(double low, double high) => low + (high - low) * NextDouble();

    /// <summary>Draws an integer uniformly from 0 to <paramref name="count"/>-1, without bias (Lemire's multiply-and-reject).</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is not positive.</exception>
    public int NextInt32(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ulong product = (ulong)NextUInt32() * (uint)count;
        if ((uint)product < (uint)count)
            for (uint rejected = (uint)-count % (uint)count; (uint)product < rejected;)
                product = (ulong)NextUInt32() * (uint)count;
        return (int)(product >> 32);
    }

    private void NextBlock()
    {
        (_w0, _w1, _w2, _w3) = Philox(_block, _c1, _c2, _c3, _key0, _key1);
        _block++;
        _used = 0;
    }

    /// <summary>Computes four random words from a counter and a key (Philox4x32-10).</summary>
    internal static (uint, uint, uint, uint) Philox(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        const uint M0 = 0xD2511F53, M1 = 0xCD9E8D57, W0 = 0x9E3779B9, W1 = 0xBB67AE85;
        for (int round = 0; round < 10; round++, k0 += W0, k1 += W1)
        {
            ulong p0 = (ulong)M0 * c0, p1 = (ulong)M1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>Draws a random permutation of 0 to <paramref name="count"/>-1 (Fisher-Yates).</summary>
    public int[] Permutation(int count)
    {
        var order = new int[count];
        for (int i = 0; i < count; i++)
        {
            int j = NextInt32(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }
}
