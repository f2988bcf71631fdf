using Spikeformer.Checkpoints;
using Spikeformer.Data;
using Spikeformer.Network;
using Spikeformer.Training;

namespace Spikeformer.Runs;

/// <summary>Trains a run in this process, all shards on one compute thread: the plainest way through the engine.</summary>
public sealed class LocalTrainer
{
    private const int MaxSkippedInARow = 20;
    private readonly Recipe _recipe;
    private readonly LocalRunOptions _options;
    private readonly RunDirectory _directory;
    private readonly ITrainingObserver _observer;
    private readonly TimeProvider _time;
    private JsonLinesLog? _events;
    private long _step;
    private int _stepsPerEpoch;

    private LocalTrainer(Recipe recipe, LocalRunOptions options, ITrainingObserver observer, TimeProvider time)
    {
        (_recipe, _options, _observer, _time) = (recipe, options, observer, time);
        _directory = new RunDirectory(options.OutDirectory);
    }

    /// <summary>Begins a run and trains it to its end.</summary>
    /// <param name="recipe">What is trained.</param>
    /// <param name="options">Where.</param>
    /// <param name="observer">Sees it go by.</param>
    /// <param name="time">Clock for people's time stamps and rates.</param>
    /// <param name="stop">Ends the run after the step under way, with a checkpoint.</param>
    /// <exception cref="SpikeformerException">The directory holds a run, data are missing or damaged, sizes do not fit, or the run diverged.</exception>
    public static RunSummary Train(Recipe recipe, LocalRunOptions options, ITrainingObserver observer, TimeProvider time, CancellationToken stop) =>
        new LocalTrainer(recipe, options, observer, time).OnComputeThread(trainer => trainer.Run(isResume: false, stop));

    /// <summary>Continues a run from its newest sound checkpoint.</summary>
    /// <param name="options">Where it lives; a data path here overrides the one it began with.</param>
    /// <param name="observer">Sees it go by.</param>
    /// <param name="time">Clock for people's time stamps and rates.</param>
    /// <param name="stop">Ends the run after the step under way, with a checkpoint.</param>
    /// <exception cref="SpikeformerException">There is no run here, or data or numerics differ from its beginning.</exception>
    public static RunSummary Resume(LocalRunOptions options, ITrainingObserver observer, TimeProvider time, CancellationToken stop)
    {
        RunDescription description = new RunDirectory(options.OutDirectory).ReadDescription();
        options = options with { Run = description.Run, DataPath = options.DataPath ?? description.DataPath };
        return new LocalTrainer(RunDirectory.RecipeOf(description), options, observer, time).OnComputeThread(trainer => trainer.Run(isResume: true, stop));
    }

    private RunSummary Run(bool isResume, CancellationToken stop)
    {
        // Whatever can be wrong with recipe and data shows before anything is written.
        using IDataset dataset = DatasetCatalogue.Open(_recipe.Data, _options.DataPath, _options.Cache);
        var network = new SpikeformerNetwork(NetworkOptions.From(_recipe.Model, _recipe.Data.TimeSteps, dataset.Shape, dataset.ClassNames.Count));
        RunDescription description = RunDescription.Of(_options.Run, _recipe, _options.DataPath, dataset, _time.GetUtcNow());
        using RunKeeper keeper = isResume
            ? RunKeeper.Continue(_directory, description, Report, _time)
            : RunKeeper.Begin(_directory, description, Report, _time);

        using var state = new TrainingState(network, _recipe);
        using JsonLinesLog events = _events = JsonLinesLog.Open(_directory.EventsFile, message => _observer.Happened(new(_time.GetUtcNow(), "warning", _step, message)));
        var progress = new TrainingProgress();
        if (isResume) keeper.Restore(state, progress);
        else Report("started", $"Run {_options.Run} began: {network.Layout.ParameterCount:N0} parameters, {dataset.Count(Split.Train)} training samples");
        _step = state.Step;
        keeper.OpenSteps(state.Step);

        bool completed;
        try
        {
            completed = TrainEpochs(dataset, state, keeper, progress, stop);
        }
        catch (Exception failure)
        {
            Report("failed", failure.Message);
            throw;
        }
        if (keeper.SavedStep != state.Step) keeper.Save(state, progress, _stepsPerEpoch, GenerationId.Alone);
        keeper.Wait();
        Report(completed ? "completed" : "stopped", completed ? "All epochs are done" : "Stopped on request; 'resume' continues");
        return new(_options.Run, completed ? RunEnding.Completed : RunEnding.Stopped, progress.Epochs, state.Step, progress.TrainLoss,
            progress.Test?.Accuracy ?? 0, progress.Test?.Top5Accuracy ?? 0, progress.Best, progress.SamplesPerSecond, state.Digest,
            keeper.WeightsDigest!, keeper.LastCheckpoint);
    }

    /// <summary>The loop of a run: load, compute, reduce, apply; evaluate and save at boundaries.</summary>
    /// <returns>Whether all epochs are done.</returns>
    private unsafe bool TrainEpochs(IDataset dataset, TrainingState state, RunKeeper keeper, TrainingProgress progress, CancellationToken stop)
    {
        var order = new EpochOrder(_recipe.Seed, dataset.Count(Split.Train), _recipe.Batch, _recipe.Shards);
        _stepsPerEpoch = order.StepsPerEpoch;
        int[] shards = [.. Enumerable.Range(0, _recipe.Shards)];
        long lastStep = (long)order.StepsPerEpoch * _recipe.Epochs;
        using var loader = new BatchLoader(dataset, Split.Train, order, _recipe.Data.Augmentation == Augmentation.None ? null : _recipe.Seed);
        using var engine = new ShardEngine(state.Network, state.Parameters, _recipe);
        _observer.Started(order.StepsPerEpoch, _recipe.Epochs, state.Step);
        int skipped = 0;
        while (state.Step < lastStep)
        {
            if (stop.IsCancellationRequested) return false;
            long began = _time.GetTimestamp();
            using (StepBatch batch = loader.Load(state.Step, shards))
            {
                int[] filled = [.. batch.Inputs.Where(input => input.Samples.Length > 0).Select(input => input.Shard)];
                IReadOnlyList<StepVector> vectors =
                    engine.Compute(batch.Identity, batch.Inputs, new LocalBatchNormCoupling(_recipe.Shards, filled));
                ShardInput[] nonFinite = [.. batch.Inputs.Where((_, v) => vectors[v].NonFiniteShards > 0)];
                SummationTree.FoldInPlace(SummationTree.Root(vectors.Count), vectors.Count,
                    v => ((nint)vectors[v].Pointer, vectors[v].Values.NumberOfElements));
                CommittedStep step = state.Apply(batch.Plan, vectors[0]);
                _step = step.Step;
                keeper.Committed(StepLine.Of(step, GenerationId.Alone));
                progress.Count(step, _time.GetElapsedTime(began));
                _observer.Committed(step);
                skipped = step.NonFiniteShards == 0 ? 0 : skipped + 1;
                if (step.NonFiniteShards > 0) ReportSkip(nonFinite, step, skipped);
            }
            bool endsEpoch = state.Step % order.StepsPerEpoch == 0;
            if (endsEpoch) EndEpoch(dataset, state, progress, (int)(state.Step / order.StepsPerEpoch) - 1);
            bool due = _options.CheckpointEvery is { } every ? state.Step % every == 0 : endsEpoch;
            if ((due && !keeper.IsSaving) || state.Step == lastStep) keeper.Save(state, progress, _stepsPerEpoch, GenerationId.Alone);
        }
        return true;
    }

    private void EndEpoch(IDataset dataset, TrainingState state, TrainingProgress progress, int epoch)
    {
        EvaluationResult test = Evaluation.Run(state.Network, state.Parameters, state.Running, dataset, Split.Test, _recipe);
        progress.EndEpoch(epoch, test);
        // The collector does not see native memory, and rarely runs for what little the loop allocates.
        GC.Collect();
        Report("evaluation", FormattableString.Invariant(
            $"Epoch {epoch}: test accuracy {test.Accuracy:0.0000}, top-5 {test.Top5Accuracy:0.0000}, loss {test.Loss:0.0000} over {test.Samples} samples"));
        _observer.Evaluated(epoch, progress.TrainLoss, progress.TrainAccuracy, test);
    }

    private void ReportSkip(IReadOnlyList<ShardInput> nonFinite, CommittedStep step, int inARow)
    {
        string where = string.Join("; ", nonFinite.Select(input => $"shard {input.Shard} (samples {string.Join(", ", input.Samples)})"));
        Report("stepSkipped", $"Step {step.Step - 1} of epoch {step.Epoch} made no update: non-finite gradient in {where}");
        if (inARow >= MaxSkippedInARow)
            throw new SpikeformerException(ErrorKind.Failed, $"The run diverged: {inARow} steps in a row up to step {step.Step - 1} had non-finite gradients",
                "Lower the learning rate (schedule.0.base) or lengthen its warm-up, and start again");
    }

    private void Report(string kind, string message)
    {
        var what = new RunEvent(_time.GetUtcNow(), kind, _step, message);
        _events?.Append(what);
        _observer.Happened(what);
    }

    /// <summary>libtorch keeps settings per thread and its temporaries in per-thread scopes: one thread of our own does all the work.</summary>
    private RunSummary OnComputeThread(Func<LocalTrainer, RunSummary> work)
    {
        RunSummary? summary = null;
        System.Runtime.ExceptionServices.ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                LibTorch.UseOnThisThread(_recipe.Threads);
                summary = work(this);
            }
            catch (Exception error)
            {
                failure = System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(error);
            }
        }, maxStackSize: 16 << 20)
        { Name = "compute" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return summary!;
    }
}
