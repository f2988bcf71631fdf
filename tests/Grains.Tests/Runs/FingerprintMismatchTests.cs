using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Grains.Tests.Runs;

public sealed class FingerprintMismatchTests
{
    [Fact]
    public void The_description_names_the_first_field_that_differs_with_both_values()
    {
        Assert.StartsWith("isa is avx512 here and avx2 in the run; ", Describe(new() { ["isa"] = "avx512", ["threads"] = "2" }));
        Assert.StartsWith("threads is (none) here and 1 in the run; ", Describe(new() { ["isa"] = "avx2" }));
        Assert.StartsWith("data is x here and (none) in the run; ", Describe(new(Some.Numerics) { ["data"] = "x" }));
    }

    [Theory]
    [InlineData("libtorch", "use the same build")]
    [InlineData("recipe", "use the same build")]
    [InlineData("data", "give this worker the same data")]
    [InlineData("initialWeights", "give this worker the same initial weights")]
    [InlineData("isa", "use processors of one kind, or the same limit on all silos")]
    [InlineData("probe", "use processors of one kind and the same build")]
    [InlineData("device", "use devices of one model")]
    [InlineData("precision", "use the same build and settings")]
    public void The_description_says_what_to_do(string field, string remedy) =>
        Assert.Equal($"{field} is 2 here and 1 in the run; {remedy}",
            FingerprintMismatch.Describe(new Dictionary<string, string> { [field] = "1" }, new Dictionary<string, string> { [field] = "2" }));

    [Fact]
    public void Hashes_and_long_values_are_shortened()
    {
        string text = FingerprintMismatch.Describe(new Dictionary<string, string> { ["data"] = new string('a', 64) }, new Dictionary<string, string> { ["data"] = new string('z', 64) });
        Assert.Equal($"data is {new string('z', 48)}… here and aaaaaaaaaaaa in the run; give this worker the same data", text);
    }

    [Fact]
    public void Fingerprints_are_equal_when_all_fields_are()
    {
        Assert.True(FingerprintMismatch.AreEqual(Some.Numerics, new Dictionary<string, string>(Some.Numerics)));
        Assert.False(FingerprintMismatch.AreEqual(Some.Numerics, new Dictionary<string, string>(Some.Numerics) { ["data"] = "x" }));
        Assert.False(FingerprintMismatch.AreEqual(Some.Numerics, new Dictionary<string, string> { ["isa"] = "avx2" }));
        Assert.False(FingerprintMismatch.AreEqual(Some.Numerics, new Dictionary<string, string> { ["isa"] = "avx512", ["threads"] = "1" }));
        Assert.False(FingerprintMismatch.AreEqual(Some.Numerics, new Dictionary<string, string> { ["isa"] = "avx2", ["other"] = "1" }));
    }

    private static string Describe(Dictionary<string, string> here) => FingerprintMismatch.Describe(Some.Numerics, here);
}
