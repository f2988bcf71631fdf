using Spikeformer.Recipes;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Recipes;

public sealed class RecipeReaderTests
{
    /// <summary>A valid recipe. Tests change parts of it.</summary>
    private const string Good = """
        // a comment
        {
          "name": "small", "seed": 18446744073709551615, "epochs": 20, "batch": 64, "shards": 8, /* another */
          "model": { "neuron": "pliaf", "kernel": 3, "strides": [2, 1, 2, 1], "width": 64, "heads": 4, "dropPath": 0.25 },
          "data": { "kind": "nmnist", "timeSteps": 4, "canvas": [36, 36] },
          "optimizer": { "kind": "adamw", "weightDecay": 1e-4, "decay": "weights" },
          "schedule": [{ "from": 0, "base": 1e-3, "kind": "cosine", "warmup": 2 }]
        }
        """;

    private static Recipe Read(params string[] overrides) => RecipeReader.Read(Good, "r.json", overrides);

    private static string[] Problems(string json, params string[] overrides) =>
        [.. Assert.Throws<RecipeException>(() => RecipeReader.Read(json, "r.json", overrides)).Problems.Select(p => p.ToString())];

    private static string Problem(string json, params string[] overrides) => Assert.Single(Problems(json, overrides));

    private static string Swap(string old, string by)
    {
        Assert.Contains(old, Good);
        return Good.Replace(old, by);
    }

    [Fact]
    public void Read_GoodRecipe_FillsEveryField()
    {
        Recipe recipe = Read();
        Assert.Equal("small", recipe.Name);
        Assert.Equal(ulong.MaxValue, recipe.Seed);
        Assert.Equal((20, 64, 8, 1), (recipe.Epochs, recipe.Batch, recipe.Shards, recipe.Threads));
        Assert.Equal((Precision.Fp32, BatchNormMode.Global, 0.0), (recipe.Precision, recipe.BatchNorm, recipe.LabelSmoothing));
        Assert.Equal(NeuronKind.Pliaf, recipe.Model.Neuron);
        Assert.Equal([2, 1, 2, 1], recipe.Model.Strides);
        Assert.Equal(0.25, recipe.Model.DropPath);
        Assert.Equal((DataKind.Nmnist, 4, FramesBy.Number), (recipe.Data.Kind, recipe.Data.TimeSteps, recipe.Data.FramesBy));
        Assert.Equal([36, 36], recipe.Data.Canvas!);
        Assert.Equal((OptimizerKind.AdamW, 1e-4, DecayScope.Weights), (recipe.Optimizer.Kind, recipe.Optimizer.WeightDecay, recipe.Optimizer.Decay));
        Assert.Equal(new ScheduleSegment { From = 0, Base = 1e-3, Kind = ScheduleKind.Cosine, Warmup = 2, Until = 20 }, Assert.Single(recipe.Schedule));
    }

    [Fact]
    public void Read_ManyMistakes_ReportsAllAtOnceInTheOrderOfTheText()
    {
        string json = """
            {
              "name": "x", "epochs": "many", "batch": 4, "batch": 8, "shards": 300,
              "model": { "widht": 65, "heads": 4, "neuron": "plit", "kernel": 4 },
              "data": { "kind": "nmnist" },
              "optimizer": { "kind": "adam", "weightDecay": -1 },
              "schedule": [{ "base": 1e-3, "kind": "constant", "from": 0 }, { "base": 1e-4, "kind": "step", "from": 0 }]
            }
            """;
        Assert.Equal(
            [
                "r.json:2:26: epochs: expects a whole number within 32 bits, not the text \"many\"",
                "r.json:2:46: batch: is given twice",
                "r.json:2:68: shards: must be at least 1 and at most 256, not 300",
                "r.json:3:14: model.widht: is unknown; did you mean 'width'?",
                "r.json:3:49: model.neuron: expects one of plif, pliaf, lif, liaf, if, not the text \"plit\"; did you mean 'plif'?",
                "r.json:3:67: model.kernel: must be odd so that padding keeps the size; 4 is even",
                "r.json:4:11: data.timeSteps: is missing",
                "r.json:4:11: data.canvas: must be divisible by the tokenizer's total stride 4; 34 is not, 36 would be",
                "r.json:5:49: optimizer.weightDecay: must be at least 0 and at most 1000000, not -1",
                "r.json:6:65: schedule.1.every: is needed for kind 'step'",
                "r.json:6:65: schedule.1.factor: is needed for kind 'step'",
                "r.json:6:105: schedule.1.from: must be after the start of the previous segment, epoch 0; 0 is not",
            ],
            Problems(json, []));
    }

    [Fact]
    public void Read_MissingSections_NamesEachOnceAndDrawsNoConclusionsFromThem() =>
        Assert.Equal(
            ["epochs", "batch", "shards", "model", "data", "optimizer", "schedule"],
            Assert.Throws<RecipeException>(() => RecipeReader.Read("""{ "name": "x" }""", "r.json")).Problems.Select(p => p.Path));

    [Fact]
    public void Message_SeveralProblems_ShowsEachOnItsOwnLineAndWhatToDo()
    {
        var error = Assert.Throws<RecipeException>(() => Read("model.width=66", "shards=0"));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Equal(
            "Recipe 'r.json' is invalid, 2 problems:\n"
            + "  --set shards=0: shards: must be at least 1 and at most 256, not 0\n"
            + "  --set model.width=66: model.width: must be a multiple of the 4 heads; 66 is not\n"
            + "Correct the recipe; 'spikeformer recipe schema' lists the fields.",
            error.Message);
    }

    [Theory]
    [InlineData("\"width\": 64", "\"width\": 66", "model.width: must be a multiple of the 4 heads; 66 is not")]
    [InlineData("\"width\": 64, \"heads\": 4", "\"width\": 63, \"heads\": 3",
        "model.width: must be divisible by two once per tokenizer stage before the last; 63 would give 31, 31, 63, 63 channels")]
    [InlineData("\"kernel\": 3", "\"kernel\": 2", "model.kernel: must be odd so that padding keeps the size; 2 is even")]
    [InlineData("[2, 1, 2, 1]", "[]", "model.strides: must have 1 to 32 blocks, not 0")]
    [InlineData("[2, 1, 2, 1]", "[2, 1, 0, 1]", "model.strides.2: must be at least 1 and at most 8, not 0")]
    [InlineData("\"dropPath\": 0.25", "\"dropPath\": 1", "model.dropPath: must be at least 0 and below 1, not 1")]
    [InlineData("\"batch\": 64", "\"batch\": 0", "batch: must be at least 1 and at most 1000000, not 0")]
    [InlineData("\"batch\": 64", "\"batch\": 7", "shards: must not exceed the batch: 7 samples cannot fill 8 shards")]
    [InlineData("\"shards\": 8", "\"shards\": 257", "shards: must be at least 1 and at most 256, not 257")]
    [InlineData("\"epochs\": 20", "\"epochs\": 0", "epochs: must be at least 1 and at most 1000000, not 0")]
    [InlineData("\"epochs\": 20", "\"epochs\": 2.5", "epochs: expects a whole number within 32 bits, not 2.5")]
    [InlineData("\"epochs\": 20", "\"epochs\": 3000000000", "epochs: expects a whole number within 32 bits, not 3000000000")]
    [InlineData("\"epochs\": 20", "\"epochs\": null", "epochs: must not be null")]
    [InlineData("\"small\"", "\"../small\"", "name: must be 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit")]
    [InlineData("18446744073709551615", "-1", "seed: expects a whole number from 0 to 2^64-1, not -1")]
    [InlineData("[36, 36]", "[36]", "data.canvas: must be two numbers, [rows, columns], not 1")]
    [InlineData("[36, 36]", "[36, 37]", "data.canvas: must be divisible by the tokenizer's total stride 4; 37 is not, 40 would be")]
    [InlineData("[36, 36]", "[32, 32]", "data.canvas: is smaller than the 34x34 sensor of 'nmnist'")]
    [InlineData("[36, 36]", "null", "data.canvas: must be divisible by the tokenizer's total stride 4; 34 is not, 36 would be")]
    [InlineData("\"timeSteps\": 4", "\"timeSteps\": 4, \"framesBy\": \"duration\"", "data.frameMicroseconds: is needed when framesBy is 'duration'")]
    [InlineData("\"timeSteps\": 4", "\"timeSteps\": 4, \"frameMicroseconds\": 9", "data.frameMicroseconds: is only for framesBy 'duration', not 'number'")]
    [InlineData("\"timeSteps\": 4", "\"timeSteps\": 4, \"augmentation\": \"imagenet\"",
        "data.augmentation: 'imagenet' is for photographs, not for 'nmnist'; use dvs or none")]
    [InlineData("\"nmnist\"", "\"image-folder\", \"augmentation\": \"dvs\"", "data.augmentation: is for events, not for photographs; use imagenet or none")]
    [InlineData("\"nmnist\"", "\"image-folder\", \"clip\": 3", "data.clip: limits event counts; photographs have none")]
    [InlineData("\"timeSteps\": 4", "\"timeSteps\": 4, \"addresses\": \"tonic\"", "data.addresses: is only for 'dvs-cifar10', not for 'nmnist'")]
    [InlineData("\"timeSteps\": 4", "\"timeSteps\": 4, \"autoAugment\": \"ra\"", "data.autoAugment: is for augmentation 'imagenet'")]
    [InlineData("\"timeSteps\": 4", "\"timeSteps\": 4, \"randomErasing\": 0.5", "data.randomErasing: is for augmentation 'imagenet'")]
    [InlineData("\"timeSteps\": 4", "\"timeSteps\": 4, \"badFiles\": \"skip\"", "data.badFiles: is for photographs, not for 'nmnist'")]
    [InlineData("\"timeSteps\": 4", "\"timeSteps\": 4, \"augmentTest\": true", "data.augmentTest: needs an augmentation")]
    [InlineData("\"timeSteps\": 4", "\"timeSteps\": 4, \"trainSamples\": 5", "data.trainSamples: is only for the synthetic camera, not for 'nmnist'")]
    [InlineData("\"nmnist\"", "\"synthetic\", \"trainSamples\": 5", "data.testSamples: is needed for the synthetic camera")]
    [InlineData("\"nmnist\", \"timeSteps\": 4, \"canvas\": [36, 36]", "\"synthetic\", \"timeSteps\": 4, \"trainSamples\": 5, \"testSamples\": 5",
        "data.canvas: is needed for the synthetic camera")]
    [InlineData("\"nmnist\", \"timeSteps\": 4, \"canvas\": [36, 36]",
        "\"synthetic\", \"timeSteps\": 4, \"canvas\": [12, 32], \"trainSamples\": 5, \"testSamples\": 5",
        "data.canvas: must be 16 to 512 rows and columns for the synthetic camera")]
    [InlineData("\"adamw\"", "\"adamw\", \"momentum\": 0.8", "optimizer.momentum: is for sgd, not for adamw")]
    [InlineData("\"adamw\"", "\"sgd\", \"beta1\": 0.8", "optimizer.beta1: is for adam and adamw, not for sgd")]
    [InlineData("\"adamw\"", "\"sgd\", \"beta2\": 0.8", "optimizer.beta2: is for adam and adamw, not for sgd")]
    [InlineData("\"adamw\"", "\"sgd\", \"epsilon\": 0.8", "optimizer.epsilon: is for adam and adamw, not for sgd")]
    [InlineData("\"adamw\"", "\"adamw\", \"epsilon\": 0", "optimizer.epsilon: must be above 0 and at most 1, not 0")]
    [InlineData("\"adamw\"", "\"adamw\", \"beta2\": 1", "optimizer.beta2: must be at least 0 and below 1, not 1")]
    [InlineData("1e-3", "1e999", "schedule.0.base: must be finite, not Infinity")]
    [InlineData("\"from\": 0", "\"from\": 1", "schedule.0.from: must be 0 in the first segment, not 1")]
    [InlineData("\"warmup\": 2", "\"warmup\": 10, \"until\": 10", "schedule.0.until: must be after the end of warm-up, epoch 10; 10 is not")]
    [InlineData("\"warmup\": 2", "\"warmup\": 2, \"every\": 3", "schedule.0.every: is for step and reference-dvs, not for cosine")]
    [InlineData("\"warmup\": 2", "\"warmup\": 2, \"factor\": 3", "schedule.0.factor: is for step and reference-dvs, not for cosine")]
    [InlineData("\"cosine\"", "\"constant\", \"until\": 9", "schedule.0.until: is for cosine, linear and reference-imagenet, not for constant")]
    [InlineData("\"cosine\"", "\"step\", \"every\": 9", "schedule.0.factor: is needed for kind 'step'")]
    [InlineData("}]", "}, { \"from\": 20, \"base\": 1, \"kind\": \"constant\" }]", "schedule.1.from: is never reached: the run ends after epoch 19")]
    [InlineData("}]", "}, 5]", "schedule.1: expects an object in braces, not 5")]
    [InlineData("[{ \"from\": 0, \"base\": 1e-3, \"kind\": \"cosine\", \"warmup\": 2 }]", "[]", "schedule: needs at least one segment")]
    [InlineData("\"strides\": [2, 1, 2, 1]", "\"strides\": 2", "model.strides: expects a list in square brackets, not 2")]
    [InlineData("\"neuron\": \"pliaf\"", "\"neuron\": \"pliaf\", \"colour\": 1",
        "model.colour: is unknown; fields here are variant, neuron, kernel, strides, width, depth, heads, mlpRatio, dropPath, dropPathAxis")]
    public void Read_OneMistake_IsTheOnlyProblemReported(string old, string by, string expected)
    {
        string problem = Problem(Swap(old, by));
        Assert.Equal(expected, problem[(problem.IndexOf(": ", StringComparison.Ordinal) + 2)..]);
    }

    [Theory]
    [InlineData("", "r.json:1:1: is not valid JSON: ")]
    [InlineData("{\n  \"name\": \"x\",\n}", "r.json:3:1: is not valid JSON: ")]
    [InlineData("{\n  \"é\": 1x\n}", "r.json:2:9: is not valid JSON: ")]
    [InlineData("{} {}", "r.json:1:4: is not valid JSON: ")]
    [InlineData("[1]", "r.json:1:1: expects an object in braces, not a list")]
    [InlineData("{ \"name\": \"\\ud800\" }", "r.json:1:11: contains an escape sequence that is not a character")]
    public void Read_TextThatIsNotARecipe_NamesThePlace(string json, string expected) =>
        Assert.StartsWith(expected, Problem(json));

    [Fact]
    public void Read_BytesThatAreNotUtf8_NamesThePlace() =>
        Assert.Equal("r.json:2:3: is not valid UTF-8",
            Assert.Single(Assert.Throws<RecipeException>(() => RecipeReader.Read([(byte)'{', (byte)'\n', (byte)' ', (byte)'"', 0xFF, (byte)'"', (byte)'}'], "r.json")).Problems).ToString());

    [Fact]
    public void Read_ByteOrderMarkAndSchemaKey_AreAccepted() =>
        Assert.Equal("small", RecipeReader.Read("\uFEFF" + Good.Replace("\"name\"", "\"$schema\": \"s.json\", \"name\""), "r.json").Name);

    [Fact]
    public void Read_Variant_FillsInItsSizesAndKeepsDropPath()
    {
        Recipe recipe = RecipeReader.Read(Swap("\"neuron\": \"pliaf\", \"kernel\": 3, \"strides\": [2, 1, 2, 1], \"width\": 64, \"heads\": 4",
            "\"variant\": \"PLIF_spikeformer_7_5x3x1\", \"kernel\": 5").Replace("nmnist", "dvs-gesture").Replace("[36, 36]", "null"), "r.json");
        PublishedVariant variant = PublishedVariants.Find("PLIF_spikeformer_7_5x3x1")!;
        Assert.Equal(variant.Model with { DropPath = 0.25 }, recipe.Model);
    }

    [Fact]
    public void Read_VariantWithContradictingFields_ReportsEachOfThem() =>
        Assert.Equal(
            [
                "r.json:4:24: model.neuron: is pliaf, but variant PLIF_spikeformer_7_3x2x3 has plif; remove this field or set variant to null",
                "r.json:4:57: model.strides: is [2, 1, 2, 1], but variant PLIF_spikeformer_7_3x2x3 has [2, 1, 2, 1, 2, 1]; remove this field or set variant to null",
                "r.json:4:80: model.width: is 64, but variant PLIF_spikeformer_7_3x2x3 has 256; remove this field or set variant to null",
            ],
            Problems(Swap("\"dropPath\"", "\"variant\": \"PLIF_spikeformer_7_3x2x3\", \"dropPath\"").Replace("[36, 36]", "[40, 40]")));

    [Fact]
    public void Read_UnknownVariant_NamesTheThree() =>
        Assert.Equal("r.json:4:107: model.variant: 'PLIF_spikeformer_7_3x2x2' is unknown; the variants are PLIF_spikeformer_7_3x2x3, PLIF_spikeformer_7_5x3x1, "
            + "PLIAF_spikeformer_7_3x2x4; did you mean 'PLIF_spikeformer_7_3x2x3'?",
            Problem(Swap("\"dropPath\"", "\"variant\": \"PLIF_spikeformer_7_3x2x2\", \"dropPath\"")));

    [Fact]
    public void Read_Overrides_TakeJsonAndBareValuesAndTheLaterOneWins()
    {
        Recipe recipe = Read("schedule.0.base=1e-4", "model.strides=[2,2]", "data.canvas.1=40", "name=007", "data.framesBy=time", "model.width=96",
            "model.width=128", "data.augmentation=\"dvs\"", "data.augmentTest=true", "optimizer.decay=all", "model.variant=null", "name=42",
            """schedule.1={"from": 5, "base": 1, "kind": "constant"}""", "schedule.2.from=6", "schedule.2.base=2", "schedule.2.kind=linear");
        Assert.Equal(1e-4, recipe.Schedule[0].Base);
        Assert.Equal([2, 2], recipe.Model.Strides);
        Assert.Equal([36, 40], recipe.Data.Canvas!);
        Assert.Equal("42", recipe.Name);
        Assert.Equal((FramesBy.Time, Augmentation.Dvs, true), (recipe.Data.FramesBy, recipe.Data.Augmentation, recipe.Data.AugmentTest));
        Assert.Equal(128, recipe.Model.Width);
        Assert.Equal(new ScheduleSegment { From = 5, Base = 1, Kind = ScheduleKind.Constant }, recipe.Schedule[1]);
        Assert.Equal(new ScheduleSegment { From = 6, Base = 2, Kind = ScheduleKind.Linear, Until = 20 }, recipe.Schedule[2]);
    }

    [Theory]
    [InlineData("model.widht=65", "--set model.widht=65: model.widht: is unknown; did you mean 'width'?")]
    [InlineData("model.depth=deep", "--set model.depth=deep: model.depth: expects a whole number within 32 bits, not the text \"deep\"")]
    [InlineData("model.width", "--set model.width: expects KEY=VALUE, for example model.width=64")]
    [InlineData("=5", "--set =5: expects KEY=VALUE, for example model.width=64")]
    [InlineData("model..width=5", "--set model..width=5: model..width: contains an empty name between dots")]
    [InlineData("epochs.x=5", "--set epochs.x=5: epochs: is 20 and has no field 'x'; set the whole value")]
    [InlineData("schedule.2.base=5", "--set schedule.2.base=5: schedule: is a list: '2' must be 0 to 0, or 1 to add one")]
    [InlineData("schedule.last.base=5", "--set schedule.last.base=5: schedule: is a list: 'last' must be 0 to 0, or 1 to add one")]
    [InlineData("precision=fp64", "--set precision=fp64: precision: expects one of fp32, bf16, fp16, not the text \"fp64\"; did you mean 'fp32'?")]
    public void Read_WrongOverride_NamesTheOption(string option, string expected) => Assert.Equal(expected, Problem(Good, option));

    [Fact]
    public void Read_OverrideThatIsBrokenJson_NamesTheOption() =>
        Assert.StartsWith("--set model.strides=[2,: is not valid JSON: ", Problem(Good, "model.strides=[2,"));

    [Fact]
    public void Read_RunCutShortWithinItsWarmUp_IsAllowedAndReadsBack()
    {
        Recipe recipe = Read("epochs=1");
        Assert.Equal(1, recipe.Schedule[0].Until);
        Assert.Equal(RecipeWriter.Hash(recipe), RecipeWriter.Hash(RecipeReader.Read(RecipeWriter.ToText(recipe), "again")));
        Assert.Equal(1e-3 / 3, new Schedule(recipe).LearningRate(0), 1e-18);
        Assert.Equal(0, new Schedule(recipe).LearningRate(5));
    }

    [Fact]
    public void ReadFile_MissingFile_IsNotFound()
    {
        var error = Assert.Throws<SpikeformerException>(() => RecipeReader.ReadFile("no/such.json"));
        Assert.Equal(ErrorKind.NotFound, error.Kind);
        Assert.Equal("Recipe file 'no/such.json' does not exist. Check the path.", error.Message);
    }

    [Fact]
    public void ReadFile_Folder_CannotBeRead() =>
        Assert.Equal(ErrorKind.Usage, Assert.Throws<SpikeformerException>(() => RecipeReader.ReadFile(AppContext.BaseDirectory)).Kind);
}
