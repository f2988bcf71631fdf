using System.Runtime.CompilerServices;
using Spikeformer.Recipes;

namespace Spikeformer.Runs;

/// <summary>The recipes of runs, each parsed once in a process.</summary>
internal static class RunRecipes
{
    private static readonly ConditionalWeakTable<string, Recipe> s_parsed = [];

    /// <summary>Returns a run's recipe.</summary>
    /// <exception cref="SpikeformerException">The recipe is wrong.</exception>
    public static Recipe Of(RunSpec spec) => s_parsed.GetValue(spec.Recipe, text => RecipeReader.Read(text, spec.Name));
}
