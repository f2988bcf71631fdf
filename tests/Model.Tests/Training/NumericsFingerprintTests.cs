using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Training;

public sealed class NumericsFingerprintTests
{
    [Fact]
    public void OfThisProcess_NamesLibraryInstructionSetThreadsAndPrecision()
    {
        var fingerprint = NumericsFingerprint.OfThisProcess(RecipeCatalogue.Load("demo", ["threads=3", "precision=bf16"]));
        Assert.Equal(["architecture", "device", "isa", "kernels", "libtorch", "mkl", "oneDnn", "precision", "threads"], fingerprint.Fields.Keys);
        Assert.Equal("2.10.0", fingerprint.Fields["libtorch"]);
        Assert.Contains(fingerprint.Fields["isa"], new[] { "DEFAULT", "AVX2", "AVX512" });
        Assert.Equal(("3", "bf16"), (fingerprint.Fields["threads"], fingerprint.Fields["precision"]));
        Assert.Equal(("X64", "cpu"), (fingerprint.Fields["architecture"], fingerprint.Fields["device"]));
    }

    [Fact]
    public void DifferencesFrom_SameProcess_AreNone()
    {
        Recipe recipe = RecipeCatalogue.Load("demo");
        Assert.Empty(NumericsFingerprint.OfThisProcess(recipe).DifferencesFrom(NumericsFingerprint.OfThisProcess(recipe)));
    }

    [Fact]
    public void Another_device_has_other_numerics()
    {
        Recipe recipe = RecipeCatalogue.Load("demo");
        NumericsFingerprint here = NumericsFingerprint.OfThisProcess(recipe), there = NumericsFingerprint.OfThisProcess(recipe, new SimulatedDevice());
        Assert.Equal(["device is cpu here and simulated there"], here.DifferencesFrom(there).Select(difference => difference.ToString()));
    }

    [Fact]
    public void A_fingerprint_without_a_device_is_that_of_the_CPU()
    {
        NumericsFingerprint now = NumericsFingerprint.OfThisProcess(RecipeCatalogue.Load("demo"));
        var then = new NumericsFingerprint(now.Fields.Where(field => field.Key != "device").ToDictionary());
        Assert.Empty(now.DifferencesFrom(then));
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
