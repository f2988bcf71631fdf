using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Files;
using Spikeformer.Recipes;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.Training;

namespace Spikeformer.Client.Tests;

/// <summary>A run directory with invented curves.</summary>
internal sealed class CurveFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <param name="epochs">Completed epochs. The third has the best test accuracy, 60 %.</param>
    /// <param name="name">Name of the run.</param>
    public CurveFolder(int epochs, string name = "trial")
    {
        Recipe recipe = RecipeCatalogue.Load("demo", null);
        using IDataset dataset = DatasetCatalogue.Open(recipe.Data, null, null);
        var directory = new RunDirectory(_folder.Path);
        directory.Begin(RunDescription.Of(name, recipe, null, dataset, DateTimeOffset.UnixEpoch));
        EpochTable table = EpochTable.Read(directory.EpochsFile, 0);
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            var train = new EpochSums(Steps: 10, Samples: 100, LossSum: 200 - 30 * epoch, StepLossSum: 20, Top1: 10 + 20 * epoch, Top5: 95, LearningRate: 0.01, Seconds: 1);
            var test = new EvaluationResult(Samples: 100, Top1: epoch == 2 ? 60 : 15 * epoch, Top5: 90, LossSum: 210 - 20 * epoch, LastBatchLossSum: 1);
            table.Add("demo", name, 16, new(epoch, train, test, TestSeconds: 1, WorkerSamplesPerSecond: 100, PeakMegabytes: 200));
        }
        AtomicFile.Write(directory.EpochsFile, table.WriteTo);
    }

    public string Path => _folder.Path;

    public string this[string name] => _folder[name];

    public void Dispose() => _folder.Dispose();
}
