using System.Text.Json.Nodes;
using Spectre.Console;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>recipe list|show|validate|schema</c>: shows and checks recipes.</summary>
internal static class RecipeVerb
{
    public static Command Create() => new("recipe", "Show and check recipes, which define the result of a run")
    {
        List(), Show(), Validate(), Schema(),
    };

    private static Command List()
    {
        var command = new Command("list", "List the built-in recipes");
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            (Recipe Recipe, string Summary)[] recipes =
                [.. RecipeCatalogue.Names.Select(name => (RecipeCatalogue.Load(name), RecipeCatalogue.Header(name).Split('\n')[0]))];
            if (terminal.Json)
            {
                terminal.PrintJson(new
                {
                    SchemaVersion = 1,
                    Recipes = recipes.Select(r => new
                    {
                        r.Recipe.Name, Hash = RecipeWriter.Hash(r.Recipe), r.Summary, r.Recipe.Epochs, r.Recipe.Batch, r.Recipe.Shards,
                    }),
                });
                return 0;
            }
            Table table = new Table().Border(TableBorder.Simple).AddColumns("recipe", "epochs", "batch", "shards", "description");
            foreach ((Recipe recipe, string summary) in recipes)
                table.AddRow(Markup.Escape(recipe.Name), $"{recipe.Epochs}", $"{recipe.Batch}", $"{recipe.Shards}", Markup.Escape(summary));
            terminal.Screen.Write(table);
            return 0;
        });
        return command;
    }

    private static Command Show()
    {
        Argument<string> argument = RecipeOptions.Argument<string>(ArgumentArity.ExactlyOne);
        Option<string[]> set = RecipeOptions.Set();
        var command = new Command("show", "Print a recipe with all defaults filled in") { argument, set };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            string name = parsed.GetRequiredValue(argument);
            Recipe recipe = RecipeCatalogue.Load(name, parsed.GetValue(set));
            if (terminal.Json)
            {
                terminal.PrintJson(new
                {
                    SchemaVersion = 1,
                    recipe.Name,
                    Hash = RecipeWriter.Hash(recipe),
                    Recipe = JsonNode.Parse(RecipeWriter.ToCanonical(recipe)),
                });
                return 0;
            }
            // As comments, so that the output can be saved as a recipe file.
            if (RecipeCatalogue.Names.Contains(name))
                foreach (string line in RecipeCatalogue.Header(name).Split('\n')) terminal.Print($"// {line}");
            terminal.Print($"// Recipe hash {RecipeWriter.Hash(recipe)}");
            terminal.Print(RecipeWriter.ToText(recipe).TrimEnd());
            return 0;
        });
        return command;
    }

    private static Command Validate()
    {
        Argument<string[]> recipes = RecipeOptions.Argument<string[]>(ArgumentArity.OneOrMore);
        Option<string[]> set = RecipeOptions.Set();
        var command = new Command("validate", "Check recipes and list all problems; exit with 6 if there is one") { recipes, set };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            Outcome[] outcomes = [.. parsed.GetRequiredValue(recipes).Select(recipe => Outcome.Of(recipe, parsed.GetValue(set)))];
            bool valid = outcomes.All(outcome => outcome.Valid);
            if (terminal.Json) terminal.PrintJson(new { SchemaVersion = 1, Valid = valid, Recipes = outcomes });
            else
                foreach (Outcome outcome in outcomes)
                    terminal.Print(outcome.Valid
                        ? $"{outcome.Recipe}: valid, hash {outcome.Hash}"
                        : $"{outcome.Recipe}: {outcome.Problems!.Count} problem{(outcome.Problems.Count == 1 ? "" : "s")}\n  "
                            + string.Join("\n  ", outcome.Problems));
            return valid ? 0 : (int)ErrorKind.CheckFailed;
        });
        return command;
    }

    private static Command Schema()
    {
        var command = new Command("schema", "Print the JSON Schema of recipes, for editors");
        command.SetAction(parsed =>
        {
            Terminal.Of(parsed).Print(RecipeSchema.ToText().TrimEnd());
            return 0;
        });
        return command;
    }

    /// <summary>The result of checking a recipe.</summary>
    private sealed record Outcome(string Recipe, bool Valid, string? Hash, IReadOnlyList<RecipeProblem>? Problems)
    {
        public static Outcome Of(string recipe, string[]? overrides)
        {
            try
            {
                return new(recipe, Valid: true, RecipeWriter.Hash(RecipeCatalogue.Load(recipe, overrides)), null);
            }
            catch (RecipeException refused)
            {
                return new(recipe, Valid: false, null, refused.Problems);
            }
        }
    }
}
