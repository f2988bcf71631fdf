using System.Text;
using Spikeformer.Contracts;
using Spikeformer.ObjectStore;
using Spikeformer.Recipes;
using Spikeformer.Runs;

namespace Spikeformer.Client;

/// <summary>Creates the specifications of runs.</summary>
public static class RunSpecs
{
    /// <summary>Returns a run of a recipe in <c>runs/NAME</c> with all workers of the cluster. To change it, copy the record.</summary>
    /// <param name="recipe">Name of a built-in recipe, or a file.</param>
    /// <param name="overrides">Changes to the recipe, <c>key=value</c>.</param>
    /// <exception cref="SpikeformerException">There is no such recipe (NotFound), or it is wrong (Usage, every problem with its line).</exception>
    public static RunSpec OfRecipe(string recipe, params IReadOnlyList<string> overrides) => Of(RecipeCatalogue.Load(recipe, overrides));

    /// <summary>Returns a run of a resolved recipe in <c>runs/NAME</c> with all workers of the cluster.</summary>
    /// <param name="recipe">The recipe.</param>
    public static RunSpec Of(Recipe recipe) => new()
    {
        Name = recipe.Name, Recipe = Encoding.UTF8.GetString(RecipeWriter.ToCanonical(recipe)), OutDirectory = Path.GetFullPath(Path.Combine("runs", recipe.Name)),
    };

    /// <summary>Returns the continuation of a run whose directory this process can read.</summary>
    /// <param name="directory">The run directory.</param>
    /// <exception cref="SpikeformerException">The directory holds no run (NotFound), or its description is damaged (CheckFailed).</exception>
    public static RunSpec Resuming(string directory) => ResumingChanged(directory, RunChanges.None);

    /// <summary>Returns the continuation of a run with changes, which change its result from there on.</summary>
    /// <param name="directory">The run directory.</param>
    /// <param name="changes">The changes, and the names of the differences to allow.</param>
    /// <exception cref="SpikeformerException">The directory holds no run (NotFound), its description is damaged (CheckFailed), the changed recipe is wrong
    /// (Usage), or a change is not allowed by name (Conflict).</exception>
    public static RunSpec ResumingChanged(string directory, RunChanges changes)
    {
        var run = new RunDirectory(directory);
        RunDescription description = run.ReadDescription();
        Recipe recipe = RecipeReader.Read(description.Recipe.GetRawText(), run.DescriptionFile, changes.Settings);
        IReadOnlyList<RunDifference> refused = RunDifferences.NotCovered(RunDifferences.Between(RunDirectory.RecipeOf(description), recipe), changes.Overrides);
        if (refused.Count > 0) throw RunDifferences.Refusal($"{description.Run} in {run.Path}", refused);
        return new RunSpec
        {
            Name = description.Run, Recipe = Encoding.UTF8.GetString(RecipeWriter.ToCanonical(recipe)), OutDirectory = run.Path,
            DataPath = changes.DataPath ?? description.DataPath, Checkpoints = description.Checkpoints, IsResume = true, Overrides = changes.Overrides,
            InitFrom = description.Origin?.Weights, StartEpoch = description.Origin?.Epoch ?? 0,
        }.With(workers: changes.Workers, minWorkers: changes.MinWorkers, checkpointEvery: changes.CheckpointEvery, cacheDirectory: changes.CacheDirectory);
    }

    /// <summary>Returns a copy with other values, for F#, which cannot copy C# records. Null and 0 keep the value of the original.</summary>
    /// <param name="spec">The original.</param>
    /// <param name="name">Name of the run.</param>
    /// <param name="dataPath">Folder of the data as the workers see it; made absolute.</param>
    /// <param name="outDirectory">The run directory as the workers see it; made absolute.</param>
    /// <param name="workers">Number of workers.</param>
    /// <param name="minWorkers">Minimum number of workers; with fewer the run waits.</param>
    /// <param name="checkpointEvery">Steps between two checkpoints.</param>
    /// <param name="initFrom">Initial weights as the workers see them; made absolute.</param>
    /// <param name="startEpoch">The first epoch.</param>
    /// <param name="checkpoints">Place of the checkpoints: <c>s3://bucket/prefix</c>, or a folder as the workers see it; made absolute.</param>
    /// <param name="cacheDirectory">Folder for decoded frames as the workers see it; made absolute.</param>
    public static RunSpec With(this RunSpec spec, string? name = null, string? dataPath = null, string? outDirectory = null,
        int workers = 0, int minWorkers = 0, int checkpointEvery = 0, string? initFrom = null, int startEpoch = 0, string? checkpoints = null,
        string? cacheDirectory = null) => spec with
        {
            Name = name ?? spec.Name,
            DataPath = dataPath is null ? spec.DataPath : Path.GetFullPath(dataPath),
            OutDirectory = outDirectory is null ? spec.OutDirectory : Path.GetFullPath(outDirectory),
            Workers = workers > 0 ? workers : spec.Workers,
            MinWorkers = minWorkers > 0 ? minWorkers : spec.MinWorkers,
            CheckpointEvery = checkpointEvery > 0 ? checkpointEvery : spec.CheckpointEvery,
            InitFrom = initFrom is null ? spec.InitFrom : Path.GetFullPath(initFrom),
            StartEpoch = startEpoch > 0 ? startEpoch : spec.StartEpoch,
            Checkpoints = checkpoints is null ? spec.Checkpoints : CheckpointPlaces.Normalized(checkpoints),
            CacheDirectory = cacheDirectory is null ? spec.CacheDirectory : Path.GetFullPath(cacheDirectory),
        };
}
