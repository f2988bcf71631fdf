using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class NetworkSplitTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("ab", "b")]
    [InlineData("ba", "b")]
    [InlineData("ab ba", "b")]
    [InlineData("ab ac", "a")]
    [InlineData("ba ca", "a")]
    [InlineData("bc db", "b")]
    // Two halves, which see each other only within.
    [InlineData("ac ad bc bd", "c d")]
    // Nobody hears anybody: one is left, the first.
    [InlineData("ab ac ad bc bd cd", "b c d")]
    // Who is not among them takes nobody away.
    [InlineData("ax xb aa", "")]
    public void LeftBehind_leaves_those_who_hear_each_other(string silent, string expected)
    {
        IEnumerable<(string, string)> pairs = silent.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => (pair[..1], pair[1..]));
        Assert.Equal(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries), NetworkSplit.LeftBehind(["a", "b", "c", "d"], pairs).Order());
    }
}
