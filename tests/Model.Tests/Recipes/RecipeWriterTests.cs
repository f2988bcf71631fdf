using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Model.Tests.Recipes;

public sealed class RecipeWriterTests
{
    public static TheoryData<string> Names => RecipeCatalogueTests.Names;

    /// <summary>Runs and checkpoints store the hash, so this text must never change for an unchanged recipe.</summary>
    [Fact]
    public void ToCanonical_SmallRecipe_IsThisText() =>
        Assert.Equal(
            """
            {"name":"c","seed":7,"epochs":2,"batch":4,"shards":2,"threads":1,"precision":"fp32","batchNorm":"global","labelSmoothing":0,
            "model":{"neuron":"plif","kernel":3,"strides":[2,1,2,1],"width":64,"depth":2,"heads":4,"mlpRatio":2,"dropPath":0.1,
            "dropPathAxis":"reference"},
            "data":{"kind":"nmnist","timeSteps":4,"framesBy":"number","canvas":[36,36],"augmentation":"none","augmentTest":false},
            "optimizer":{"kind":"adam","weightDecay":1E-05,"beta1":0.9,"beta2":0.999,"epsilon":1E-08,"momentum":0.9,"decay":"all"},
            "schedule":[{"from":0,"base":0.001,"kind":"linear","until":2,"warmup":0,"resetMomentum":false}]}
            """.Replace("\n", ""),
            Encoding.UTF8.GetString(RecipeWriter.ToCanonical(Small())));

    [Fact]
    public void Hash_OfAFixedRecipe_NeverChanges() =>
        Assert.Equal("72a7ebc073192abced3cce8e877bc9764f341ba91d852e64a0912063d134c139", RecipeWriter.Hash(Small()));

    [Fact]
    public void Hash_AnyFieldChanged_Differs() =>
        Assert.Equal(6, new[] { Small(), Small("seed=8"), Small("model.depth=3"), Small("schedule.0.base=2"), Small("data.clip=9"), Small("optimizer.decay=weights") }
            .Select(RecipeWriter.Hash).Distinct().Count());

    [Fact]
    public void Hash_DefaultsSpeltOut_IsTheSame() =>
        Assert.Equal(RecipeWriter.Hash(Small()), RecipeWriter.Hash(Small("threads=1", "schedule.0.until=2", "model.variant=null", "model.dropPath=1e-1")));

    [Theory, MemberData(nameof(Names))]
    public void ToText_ReadBack_IsTheSameRecipe(string name)
    {
        Recipe recipe = RecipeCatalogue.Load(name);
        Assert.Equal(RecipeWriter.Hash(recipe), RecipeWriter.Hash(RecipeReader.Read(RecipeWriter.ToText(recipe), name)));
    }

    [Fact]
    public void ToCanonical_UnderACommaCulture_IsTheSame()
    {
        string before = RecipeWriter.Hash(Small());
        CultureInfo culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("") { NumberFormat = new NumberFormatInfo { NumberDecimalSeparator = "," } };
            Assert.Equal(before, RecipeWriter.Hash(Small()));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    [Fact]
    public void Schema_DescribesEveryFieldWithBoundsNamesAndText()
    {
        JsonNode schema = JsonNode.Parse(RecipeSchema.ToText())!;
        JsonNode properties = schema["properties"]!;
        Assert.False(schema["additionalProperties"]!.GetValue<bool>());
        Assert.Equal(["name", "epochs", "batch", "shards", "model", "data", "optimizer", "schedule"],
            schema["required"]!.AsArray().Select(n => n!.GetValue<string>()));
        Assert.Equal((1, 256), (properties["shards"]!["minimum"]!.GetValue<int>(), properties["shards"]!["maximum"]!.GetValue<int>()));
        Assert.Equal(["shard", "global"], properties["batchNorm"]!["enum"]!.AsArray().Select(n => n!.GetValue<string>()));
        Assert.Equal("global", properties["batchNorm"]!["default"]!.GetValue<string>());
        Assert.Equal("Number of passes over the training data.", properties["epochs"]!["description"]!.GetValue<string>());
        JsonNode model = properties["model"]!["properties"]!;
        Assert.Equal(1.0, model["dropPath"]!["exclusiveMaximum"]!.GetValue<double>());
        Assert.Equal("integer", model["strides"]!["items"]!["type"]!.GetValue<string>());
        Assert.Equal("null", model["variant"]!["anyOf"]![1]!["type"]!.GetValue<string>());
        Assert.Equal("object", properties["schedule"]!["items"]!["type"]!.GetValue<string>());
    }

    private static Recipe Small(params string[] overrides) => RecipeReader.Read("""
        { "name": "c", "seed": 7, "epochs": 2, "batch": 4, "shards": 2, "model": {},
          "data": { "kind": "nmnist", "timeSteps": 4, "canvas": [36, 36] },
          "optimizer": { "kind": "adam", "weightDecay": 1e-5 }, "schedule": [{ "base": 1e-3, "kind": "linear" }] }
        """, "c.json", overrides);
}
