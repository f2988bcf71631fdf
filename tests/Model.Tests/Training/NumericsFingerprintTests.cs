using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests;

public sealed class NumericsFingerprintTests
{
    [Fact]
    public void OfThisProcess_NamesLibraryInstructionSetThreadsAndPrecision()
    {
        var fingerprint = NumericsFingerprint.OfThisProcess(RecipeCatalogue.Load("demo", ["threads=3", "precision=bf16"]));
        Assert.Equal(["architecture", "isa", "kernels", "libtorch", "mkl", "oneDnn", "precision", "threads"], fingerprint.Fields.Keys);
        Assert.Equal("2.10.0", fingerprint.Fields["libtorch"]);
        Assert.Contains(fingerprint.Fields["isa"], new[] { "DEFAULT", "AVX2", "AVX512" });
        Assert.Equal(("3", "bf16"), (fingerprint.Fields["threads"], fingerprint.Fields["precision"]));
        Assert.Equal("X64", fingerprint.Fields["architecture"]);
    }

    [Fact]
    public void DifferencesFrom_SameProcess_AreNone()
    {
        Recipe recipe = RecipeCatalogue.Load("demo");
        Assert.Empty(NumericsFingerprint.OfThisProcess(recipe).DifferencesFrom(NumericsFingerprint.OfThisProcess(recipe)));
    }

    [Fact]
    public void DifferencesFrom_Other_NamesChangedAndAbsentFields()
    {
        var here = new NumericsFingerprint(new Dictionary<string, string> { ["isa"] = "AVX512", ["threads"] = "1", ["a"] = "x" });
        var there = new NumericsFingerprint(new Dictionary<string, string> { ["threads"] = "1", ["isa"] = "AVX2", ["b"] = "y" });
        Assert.Equal(["a is x here and (none) there", "b is (none) here and y there", "isa is AVX512 here and AVX2 there"],
            here.DifferencesFrom(there).Select(d => d.ToString()));
    }
}
