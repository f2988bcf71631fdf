using System.Text.Json.Nodes;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Verbs;

public sealed class RecipeVerbTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("spikeformer-recipes-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string File(string name, string content)
    {
        string path = Path.Combine(_folder, name);
        System.IO.File.WriteAllText(path, content);
        return path;
    }

    [Fact]
    public async Task List_ShowsEveryRecipe()
    {
        Call call = await Call.Of("recipe", "list");
        Assert.Equal((0, ""), (call.ExitCode, call.Error));
        Assert.All(RecipeCatalogue.Names, name => Assert.Contains($" {name} ", call.Output));
    }

    [Fact]
    public async Task List_Json_IsOneObject()
    {
        JsonNode json = (await Call.Of("recipe", "list", "--json")).Json;
        Assert.Equal(1, json["schemaVersion"]!.GetValue<int>());
        Assert.Equal(RecipeCatalogue.Names, json["recipes"]!.AsArray().Select(r => r!["name"]!.GetValue<string>()));
    }

    [Fact]
    public async Task Show_PrintsARecipeThatReadsBackWithItsOverrides()
    {
        Call call = await Call.Of("recipe", "show", "nmnist", "--set", "model.width=128", "--set", "epochs=21");
        Assert.Equal((0, ""), (call.ExitCode, call.Error));
        Assert.StartsWith("// A small Spikeformer on N-MNIST", call.Output);
        Recipe expected = RecipeCatalogue.Load("nmnist", ["model.width=128", "epochs=21"]);
        Assert.Equal(RecipeWriter.Hash(expected), RecipeWriter.Hash(RecipeReader.Read(call.Output, "output")));
        Assert.Contains($"// Recipe hash {RecipeWriter.Hash(expected)}\n", call.Output);
    }

    [Fact]
    public async Task Show_Json_HoldsHashAndRecipe()
    {
        JsonNode json = (await Call.Of("recipe", "show", "demo", "--json")).Json;
        Assert.Equal(RecipeWriter.Hash(RecipeCatalogue.Load("demo")), json["hash"]!.GetValue<string>());
        Assert.Equal("synthetic", json["recipe"]!["data"]!["kind"]!.GetValue<string>());
    }

    [Fact]
    public async Task Show_WrongOverride_ExitsWith2AndNamesTheOption()
    {
        Call call = await Call.Of("recipe", "show", "demo", "--set", "model.widht=65");
        Assert.Equal((2, ""), (call.ExitCode, call.Output));
        Assert.Contains("--set model.widht=65: model.widht: is unknown; did you mean 'width'?", call.Error);
    }

    [Fact]
    public async Task Show_UnknownRecipe_ExitsWith3()
    {
        Call call = await Call.Of("recipe", "show", "nminst");
        Assert.Equal((3, ""), (call.ExitCode, call.Output));
        Assert.StartsWith("There is no recipe 'nminst'; did you mean 'nmnist'.", call.Error);
    }

    [Fact]
    public async Task Validate_EveryEmbeddedRecipe_ExitsWith0() =>
        Assert.Equal(0, (await Call.Of(["recipe", "validate", .. RecipeCatalogue.Names])).ExitCode);

    [Fact]
    public async Task Validate_WrongFile_ExitsWith6AndListsEveryProblem()
    {
        string file = File("bad.json", """
            {
              "nam": "x"
            }
            """);
        Call call = await Call.Of("recipe", "validate", "demo", file);
        Assert.Equal((6, ""), (call.ExitCode, call.Error));
        string[] lines = call.Output.Split('\n');
        Assert.StartsWith("demo: valid, hash ", lines[0]);
        Assert.Equal($"{file}: 9 problems", lines[1]);
        Assert.Contains($"  {file}:2:3: nam: is unknown; did you mean 'name'?", lines);
        Assert.Contains($"  {file}:1:1: schedule: is missing", lines);
    }

    [Fact]
    public async Task Validate_Json_CarriesPlacesAsNumbers()
    {
        string file = File("bad.json", "{ \"nam\": 1 }");
        Call call = await Call.Of("recipe", "validate", file, "--json");
        Assert.Equal(6, call.ExitCode);
        Assert.False(call.Json["valid"]!.GetValue<bool>());
        JsonNode problem = call.Json["recipes"]![0]!["problems"]!.AsArray().Single(p => p!["path"]!.GetValue<string>() == "nam")!;
        Assert.Equal(file, problem["source"]!.GetValue<string>());
        Assert.Equal((1, 3), (problem["line"]!.GetValue<int>(), problem["column"]!.GetValue<int>()));
    }

    [Fact]
    public async Task Schema_IsJson() =>
        Assert.Equal("Spikeformer recipe", (await Call.Of("recipe", "schema")).Json["title"]!.GetValue<string>());
}
