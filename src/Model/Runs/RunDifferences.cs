namespace Spikeformer.Runs;

/// <summary>A difference from the start of a run that can change its bits.</summary>
/// <param name="Name">The field of the recipe as <c>--set</c> names it (<c>schedule.0.base</c>), a field of the numerics fingerprint (<c>isa</c>),
/// <c>dataHash</c>, <c>initialWeights</c> or <c>startEpoch</c>.</param>
/// <param name="Before">The value in the run; <c>(none)</c> if it had none.</param>
/// <param name="Now">The value here.</param>
public sealed record RunDifference(string Name, string Before, string Now)
{
    /// <summary>Returns the difference as text: <c>epochs is 3 instead of 2</c>.</summary>
    public override string ToString() => $"{Name} is {Now} instead of {Before}";
}

/// <summary>Compares the start of a run with its continuation.</summary>
public static class RunDifferences
{
    private const string None = "(none)";

    /// <summary>Returns the fields in which two recipes differ, in the order of the recipe.</summary>
    public static IReadOnlyList<RunDifference> Between(Recipe before, Recipe now)
    {
        Dictionary<string, string> then = Leaves(before), here = Leaves(now);
        return Between(then, here, then.Keys.Union(here.Keys));
    }

    /// <summary>Returns all differences between two descriptions: recipe, data, initial weights, numerics. A numerics field that repeats a field of
    /// the recipe, such as the precision, is listed once.</summary>
    public static IReadOnlyList<RunDifference> Between(RunDescription before, RunDescription now)
    {
        IReadOnlyList<RunDifference> recipe = Between(RunDirectory.RecipeOf(before), RunDirectory.RecipeOf(now));
        IEnumerable<RunDifference> data = before.DataHash == now.DataHash ? [] : [new("dataHash", before.DataHash[..12], now.DataHash[..12])];
        IEnumerable<RunDifference> origin = Between(Leaves(before.Origin), Leaves(now.Origin), ["initialWeights", "startEpoch"]);
        IEnumerable<RunDifference> numerics = Between(before.Fingerprint, now.Fingerprint, before.Fingerprint.Keys.Union(now.Fingerprint.Keys).Order(StringComparer.Ordinal));
        return [.. recipe, .. data, .. origin, .. numerics.ExceptBy(recipe.Select(one => one.Name), one => one.Name)];
    }

    /// <summary>Returns the differences that no override allows.</summary>
    /// <param name="differences">The differences.</param>
    /// <param name="overrides">The names of the fields that may differ; a name includes all fields below it.</param>
    public static IReadOnlyList<RunDifference> NotCovered(IReadOnlyList<RunDifference> differences, IReadOnlyList<string> overrides) =>
        [.. differences.Where(one => !overrides.Any(name => one.Name == name || one.Name.StartsWith(name + '.', StringComparison.Ordinal)))];

    /// <summary>Creates the error for differences that no override allows.</summary>
    /// <param name="run">The name and the location of the run.</param>
    /// <param name="refused">The differences.</param>
    public static SpikeformerException Refusal(string run, IReadOnlyList<RunDifference> refused) => new(ErrorKind.Conflict,
        $"Run {run} cannot continue with the same result: {string.Join("; ", refused)}",
        $"Resume it unchanged; or, if the result may change, allow each difference by name: --override {string.Join(',', refused.Select(one => one.Name))}");

    private static RunDifference[] Between(IReadOnlyDictionary<string, string> before, IReadOnlyDictionary<string, string> now, IEnumerable<string> names) =>
        [.. from name in names
            let there = before.GetValueOrDefault(name, None)
            let here = now.GetValueOrDefault(name, None)
            where there != here
            select new RunDifference(name, there, here)];

    private static Dictionary<string, string> Leaves(RunOrigin? origin) =>
        origin is null ? [] : new() { ["initialWeights"] = origin.Sha256[..12], ["startEpoch"] = $"{origin.Epoch}" };

    private static Dictionary<string, string> Leaves(Recipe recipe)
    {
        var leaves = new Dictionary<string, string>();
        Collect(JsonDocument.Parse(RecipeWriter.ToCanonical(recipe)).RootElement, "");
        return leaves;

        void Collect(JsonElement value, string path)
        {
            string prefix = path.Length == 0 ? "" : path + '.';
            if (value.ValueKind is JsonValueKind.Object)
                foreach (JsonProperty field in value.EnumerateObject()) Collect(field.Value, prefix + field.Name);
            else if (value.ValueKind is JsonValueKind.Array && value.EnumerateArray().Any(item => item.ValueKind is JsonValueKind.Object))
                foreach ((int i, JsonElement item) in value.EnumerateArray().Index()) Collect(item, $"{prefix}{i}");
            else leaves[path] = value.GetRawText().Trim('"');
        }
    }
}
