using Spikeformer.Runs;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Model.Tests.Runs;

public sealed class EpochLogTests : IDisposable
{
    private const int Batch = 4;
    private readonly TemporaryFolder _folder = new();
    private readonly RunDirectory _directory;
    private readonly List<string> _warnings = [];

    public EpochLogTests() => _directory = new(_folder.Path);

    public void Dispose() => _folder.Dispose();

    private EpochLog Open() => new(_directory, "demo", "trial", Batch, _warnings.Add, TimeProvider.System);

    private string[] Rows => [.. File.ReadLines(_directory.EpochsFile).Skip(1)];

    private IEnumerable<long> Steps(string folder, string tag) =>
        EventFile.Curves(Path.Combine(_directory.TensorBoardFolder, folder)).TryGetValue(tag, out var curve) ? curve.Keys : [];

    internal static CommittedStep Step(int epoch, double loss = 2) => new(1, epoch, 4, loss, 1, 3, 0.5, 0, "");

    internal static EvaluationResult Test(int top1) => new(10, top1, 8, 15, 4);

    /// <summary>The progress after a number of epochs with one step each.</summary>
    private static TrainingProgress Progress(int epochs)
    {
        var progress = new TrainingProgress();
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            progress.Count(Step(epoch), TimeSpan.FromSeconds(2));
            progress.EndEpoch(epoch, Test(epoch), TimeSpan.FromSeconds(1), workers: 2);
        }
        return progress;
    }

    [Fact]
    public void A_row_has_the_columns_of_the_authors_curves_and_what_was_counted()
    {
        var progress = new TrainingProgress();
        progress.Count(Step(0, loss: 2), TimeSpan.FromSeconds(2));
        progress.Count(Step(0, loss: 1) with { Samples = 2, Top1 = 2, Top5 = 2, LearningRate = 0.25 }, TimeSpan.FromSeconds(0.5));
        progress.EndEpoch(0, Test(5), TimeSpan.FromSeconds(1.5), workers: 2);
        using (EpochLog log = Open()) log.Write(progress);

        string[] lines = File.ReadAllLines(_directory.EpochsFile);
        Assert.StartsWith(EpochTable.ReferenceColumns + ",", lines[0]);
        var row = lines[0].Split(',').Zip(lines[1].Split(',')).ToDictionary(pair => pair.First, pair => pair.Second);
        Assert.Equal(("demo", "trial", "0", "0.25", "run", "1", "2", "1"),
            (row["job"], row["run"], row["epoch"], row["lr"], row["train_source"], row["last_logged_iter"], row["iters_per_epoch"], row["complete"]));
        // 4 samples with loss 2 and 2 samples with loss 1; the authors' mean gives both steps the same weight.
        Assert.Equal((10 / 6.0, 1.5), (Of("train_loss"), Of("train_loss_reference")));
        Assert.Equal((50.0, 100 * (5 / 6.0)), (Of("train_acc1"), Of("train_acc5")));
        // 10 samples in batches of 4: two full batches with a loss of 11 / 8 per sample, and a last batch of 2 samples with a loss of 2 each.
        Assert.Equal((1.5, ((15 - 4) / 4.0 + 2) / 3), (Of("test_loss"), Of("test_loss_reference")));
        Assert.Equal((50.0, 80.0), (Of("test_acc1"), Of("test_acc5")));
        Assert.Equal((2.5, 1.5, 2.0, 2.4), (Of("train_seconds"), Of("test_seconds"), Of("samples_per_s_per_gpu_median"), Of("samples_per_s_whole_job")));
        Assert.True(Of("max_mem_mb") > 1);

        double Of(string column) => double.Parse(row[column], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public void A_run_that_begins_in_a_later_epoch_has_its_first_row_and_point_there()
    {
        var progress = new TrainingProgress();
        for (int epoch = 3; epoch < 5; epoch++)
        {
            using EpochLog log = Open();
            log.Write(progress);
            progress.Count(Step(epoch), TimeSpan.FromSeconds(1));
            progress.EndEpoch(epoch, Test(epoch), TimeSpan.Zero, 1);
            log.Write(progress);
        }
        Assert.Equal([3, 4], EpochTable.Read(_directory.EpochsFile, int.MaxValue).Epochs);
        Assert.Equal([3, 4], Steps("te", "Test/test_loss"));
        // The second session continues after the first and does not repeat its epoch.
        string second = Directory.GetFiles(Path.Combine(_directory.TensorBoardFolder, "te")).Order(StringComparer.Ordinal).Last();
        Assert.Equal([4], EventFile.Read(second).Where(what => what.Tag == "Test/test_loss").Select(what => what.Step));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Each_epoch_has_one_row_and_one_point_of_each_curve()
    {
        var progress = new TrainingProgress();
        using (EpochLog log = Open())
            for (int epoch = 0; epoch < 3; epoch++)
            {
                log.Write(progress);
                progress.Count(Step(epoch), TimeSpan.FromSeconds(1));
                log.Write(progress);
                progress.EndEpoch(epoch, Test(epoch), TimeSpan.Zero, 1);
                log.Write(progress);
                log.Write(progress);
                Assert.Equal(epoch + 1, Rows.Length);
            }
        Assert.Equal(["0", "1", "2"], Rows.Select(row => row.Split(',')[2]));
        foreach (string tag in new[] { "loss", "acc1", "acc5" })
        {
            Assert.Equal([0, 1, 2], Steps("train", "Train/train_" + tag));
            Assert.Equal([0, 1, 2], Steps("te", "Test/test_" + tag));
        }
        Assert.Single(Directory.GetFiles(Path.Combine(_directory.TensorBoardFolder, "te")));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void A_resumed_run_drops_the_epochs_after_its_checkpoint_and_keeps_the_others_unchanged()
    {
        using (EpochLog log = Open()) log.Write(Progress(4));
        string[] before = Rows;
        var resumed = new TrainingProgress();
        resumed.Restore(Progress(2).Metrics());
        using (EpochLog log = Open())
        {
            log.Write(resumed);
            Assert.Equal(before[..2], Rows);
            Assert.Equal([0, 1], Steps("te", "Test/test_acc1"));
            resumed.Count(Step(2, loss: 9), TimeSpan.FromSeconds(1));
            resumed.EndEpoch(2, Test(9), TimeSpan.Zero, 1);
            log.Write(resumed);
        }
        Assert.Equal(before[..2], Rows[..2]);
        Assert.Equal("90", Rows[2].Split(',')[11]);
        Assert.Equal([0f, 10f, 90f], EventFile.Curves(Path.Combine(_directory.TensorBoardFolder, "te"))["Test/test_acc1"].Values);
    }

    [Fact]
    public void A_new_lead_adds_the_epochs_that_the_former_one_did_not_write()
    {
        using (EpochLog log = Open()) log.Write(Progress(1));
        using (EpochLog log = Open()) log.Write(Progress(4));
        Assert.Equal(["0", "1", "2", "3"], Rows.Select(row => row.Split(',')[2]));
        Assert.Equal([0, 1, 2, 3], Steps("train", "Train/train_loss"));
    }

    [Fact]
    public void Lost_curves_are_restored_from_the_table_without_damaged_rows()
    {
        using (EpochLog log = Open()) log.Write(Progress(3));
        string[] whole = File.ReadAllLines(_directory.EpochsFile);
        File.WriteAllLines(_directory.EpochsFile, [.. whole, "demo,trial,3,0.5", whole[2].Replace("run", "r,n"), whole[3].Replace(",2,", ",zwei,")]);
        Directory.Delete(_directory.TensorBoardFolder, recursive: true);
        using (EpochLog log = Open()) log.Write(Progress(3));
        Assert.Equal(whole, File.ReadAllLines(_directory.EpochsFile));
        Assert.Equal([0, 1, 2], Steps("train", "Train/train_loss"));
    }

    [Fact]
    public void A_storage_error_is_reported_and_the_next_epoch_writes_everything()
    {
        File.WriteAllText(_directory.TensorBoardFolder, "a file where the folder should be");
        using EpochLog log = Open();
        log.Write(Progress(1));
        Assert.Contains("epoch 0", Assert.Single(_warnings));
        File.Delete(_directory.TensorBoardFolder);
        log.Write(Progress(2));
        Assert.Single(_warnings);
        Assert.Equal(2, Rows.Length);
        Assert.Equal([0, 1], Steps("te", "Test/test_loss"));
    }
}
