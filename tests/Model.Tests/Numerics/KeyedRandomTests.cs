using Spikeformer.Numerics;
using Xunit;

namespace Spikeformer.Model.Tests.Numerics;

public sealed class KeyedRandomTests
{
    [Theory] // Known answers published with Random123.
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Philox_gives_the_published_words(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint w0, uint w1, uint w2, uint w3) =>
        Assert.Equal((w0, w1, w2, w3), KeyedRandom.Philox(c0, c1, c2, c3, k0, k1));

    [Fact]
    public void Streams_differ_in_every_part_of_their_key_and_repeat_for_the_same_key()
    {
        ulong[] firsts =
        [
            First(new(1, RandomPurpose.EpochOrder)), First(new(1UL << 40, RandomPurpose.EpochOrder)), First(new(1, RandomPurpose.Augmentation)),
            First(new(1, RandomPurpose.EpochOrder, 1)), First(new(1, RandomPurpose.EpochOrder, 0, 1)), First(new(1, RandomPurpose.EpochOrder, 0, 0, 1)),
        ];
        Assert.Equal(firsts.Length, firsts.Distinct().Count());
        Assert.Equal(firsts[3], First(new(1, RandomPurpose.EpochOrder, 1)));

        static ulong First(KeyedRandom random) => random.NextUInt64();
    }

    [Fact]
    public void A_permutation_holds_every_number_once()
    {
        int[] order = new KeyedRandom(7, RandomPurpose.EpochOrder, 3).Permutation(1000);
        Assert.Equal(Enumerable.Range(0, 1000), order.Order());
        Assert.NotEqual(Enumerable.Range(0, 1000), order);
    }

    [Fact]
    public void Integers_are_even_over_a_range_that_does_not_divide_the_word()
    {
        var random = new KeyedRandom(5, RandomPurpose.Synthetic);
        var counts = new int[6];
        for (int i = 0; i < 60000; i++) counts[random.NextInt32(6)]++;
        Assert.All(counts, count => Assert.InRange(count, 9600, 10400));
    }

    [Fact]
    public void Uniform_numbers_stay_inside_their_interval()
    {
        var random = new KeyedRandom(5, RandomPurpose.Synthetic, 1);
        double sum = 0;
        for (int i = 0; i < 100000; i++)
        {
            double d = random.NextDouble();
            float f = random.NextSingle();
            Assert.True(d is > 0 and < 1 && f is >= 0 and < 1);
            sum += d + f;
        }
        Assert.InRange(sum / 200000, 0.497, 0.503);
    }
}
