using System.Formats.Tar;
using System.IO.Compression;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Data.Frames;
using Spikeformer.Model.Tests.Data.Recordings;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Datasets;

public sealed class DatasetPreparationTests : IDisposable
{
    private static readonly DataRecipe Gesture = new() { Kind = DataKind.DvsGesture, TimeSteps = 2 }, Cifar = new() { Kind = DataKind.DvsCifar10, TimeSteps = 2 };
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _said = [];

    private string Source => _folder["source"];

    private string Output => _folder["out"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_prepared_folder_gives_the_same_bits_as_the_recordings()
    {
        DvsTrees.Cifar10Dvs(Source, perClass: 10, 40);
        PreparedData prepared = Run(Cifar);
        Assert.Equal((90, 10), (prepared.TrainSamples, prepared.TestSamples));
        Assert.Equal([Path.GetFileName(prepared.Store)], Names(Output));
        using IDataset recordings = DatasetCatalogue.OpenUncached(Cifar, Source), store = DatasetCatalogue.OpenUncached(Cifar, Output);
        Assert.IsType<FrameStore>(store);
        Assert.Equal((recordings.ContentHash, prepared.ContentHash), (store.ContentHash, store.ContentHash));
        DvsGestureTests.AssertSame(recordings, store);
        using IDataset trained = DatasetCatalogue.Open(Cifar, Output, new() { Folder = "/proc/nothing", Warn = _ => Assert.Fail("used the cache") });
        DvsGestureTests.AssertSame(recordings, trained);
        Assert.Empty(DatasetVerification.Problems(store));
    }

    [Fact]
    public void Preparing_twice_keeps_the_result()
    {
        DvsTrees.Cifar10Dvs(Source, perClass: 10, 40);
        string store = Run(Cifar).Store;
        File.SetLastWriteTimeUtc(store, DateTime.UnixEpoch);
        Assert.Equal(store, Run(Cifar).Store);
        Assert.Equal(DateTime.UnixEpoch, File.GetLastWriteTimeUtc(store));
    }

    [Fact]
    public void An_interrupted_preparation_continues_where_it_stopped()
    {
        DvsTrees.Cifar10Dvs(Source, perClass: 10, 40);
        using var interrupted = new CancellationTokenSource();
        var options = new PreparationOptions { Threads = 1, Progress = (done, all) => { if (done == 70) interrupted.Cancel(); } };
        Assert.Throws<OperationCanceledException>(() => DatasetPreparation.Run(Cifar, Source, Output, options, interrupted.Token));
        Assert.EndsWith(".unfinished", Assert.Single(Names(Output)));
        Assert.IsNotType<FrameStore>(DatasetCatalogue.OpenUncached(Cifar, Source));
        var progress = new List<(int, int)>();
        PreparedData prepared = DatasetPreparation.Run(Cifar, Source, Output, new() { Threads = 1, Progress = (done, all) => progress.Add((done, all)) });
        Assert.Equal(((70, 100), (100, 100), 31), (progress[0], progress[^1], progress.Count));
        using FrameStore store = FrameStore.Open(prepared.Store);
        using IDataset recordings = DatasetCatalogue.OpenUncached(Cifar, Source);
        DvsGestureTests.AssertSame(recordings, store);
    }

    [Fact]
    public void Two_preparations_cannot_write_the_same_file()
    {
        DvsTrees.Cifar10Dvs(Source, perClass: 10, 40);
        bool tried = false;
        DatasetPreparation.Run(Cifar, Source, Output, new()
        {
            Progress = (done, all) =>
            {
                if (done != 50) return;
                tried = true;
                Assert.Equal(ErrorKind.Conflict, Assert.Throws<SpikeformerException>(() => DatasetPreparation.Run(Cifar, Source, Output, new())).Kind);
            },
        });
        Assert.True(tried);
    }

    [Fact]
    public void Preparation_unpacks_the_archive_of_DVS128_Gesture()
    {
        DvsTrees.Gesture(_folder["tree"], [1, 24], 40);
        Directory.CreateDirectory(_folder["source/download"]);
        using (FileStream file = File.Create(_folder["source/download/DvsGesture.tar.gz"]))
        using (var zipped = new GZipStream(file, CompressionLevel.Fastest))
            TarFile.CreateFromDirectory(_folder["tree/extract/DvsGesture"], zipped, includeBaseDirectory: true);
        Assert.Equal(ErrorKind.CheckFailed, Refused(Gesture, "DvsGesture.tar.gz has the MD5 sum"));
        PreparedData prepared = Run(Gesture, checkSums: false);
        Assert.Equal([Path.GetFileName(prepared.Store)], Names(Output));
        using IDataset recordings = DatasetCatalogue.OpenUncached(Gesture, _folder["tree"]);
        using FrameStore store = FrameStore.Open(prepared.Store);
        DvsGestureTests.AssertSame(recordings, store);
        Assert.Equal(recordings.ContentHash, store.ContentHash);
        Assert.Contains(_said, said => said.StartsWith("Unpacking "));
    }

    [Fact]
    public void Preparation_unpacks_the_archives_of_N_MNIST()
    {
        using var recordings = new NmnistFolder();
        Directory.CreateDirectory(Source);
        foreach (string part in new[] { "Train", "Test" })
            ZipFile.CreateFromDirectory(recordings.File(part), _folder[$"source/{part}.zip"], CompressionLevel.Fastest, includeBaseDirectory: true);
        var recipe = new DataRecipe { Kind = DataKind.Nmnist, TimeSteps = 2 };
        PreparedData prepared = Run(recipe, checkSums: false);
        using FrameStore store = FrameStore.Open(prepared.Store);
        using IDataset expected = DatasetCatalogue.OpenUncached(recipe, recordings.Path);
        DvsGestureTests.AssertSame(expected, store);

        File.Delete(_folder["source/Test.zip"]);
        Directory.Delete(Output, recursive: true);
        Assert.Equal(ErrorKind.NotFound, Refused(recipe, "has no Test.zip", checkSums: false));
        File.WriteAllBytes(_folder["source/Test.zip"], [1, 2, 3]);
        Assert.Equal(ErrorKind.CheckFailed, Refused(recipe, "is damaged", checkSums: false));
    }

    [Fact]
    public void A_folder_prepared_with_other_options_names_them()
    {
        DvsTrees.Cifar10Dvs(Source, perClass: 10, 40);
        Run(Cifar);
        var error = Assert.Throws<SpikeformerException>(() => DatasetCatalogue.OpenUncached(Cifar with { TimeSteps = 3 }, Output));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains("was prepared for dvs-cifar10 (frames/1 T=2 by=Number", error.Message);
        Assert.Throws<SpikeformerException>(() => DatasetCatalogue.OpenUncached(Gesture, Output));
        Run(Cifar with { TimeSteps = 3 });
        using IDataset three = DatasetCatalogue.OpenUncached(Cifar with { TimeSteps = 3 }, Output), two = DatasetCatalogue.OpenUncached(Cifar, Output);
        Assert.Equal((3, 2), (three.Shape.TimeSteps, two.Shape.TimeSteps));
        // Another data set of the same kind makes the choice ambiguous.
        DvsTrees.Cifar10Dvs(Source, perClass: 11, 40);
        Run(Cifar);
        Assert.Equal(ErrorKind.Conflict, Assert.Throws<SpikeformerException>(() => DatasetCatalogue.OpenUncached(Cifar, Output)).Kind);
    }

    [Fact]
    public void A_damaged_recording_is_named_by_preparation_and_verification()
    {
        DvsTrees.Cifar10Dvs(Source, perClass: 10, 40);
        foreach (string name in new[] { "cat/cifar10_cat_1", "ship/cifar10_ship_0" })
            File.WriteAllBytes(_folder[$"source/extract/{name}.aedat"], Aedat.File20());
        Refused(Cifar, "the recording has no events");
        using IDataset dataset = DatasetCatalogue.OpenUncached(Cifar, Source);
        IReadOnlyList<string> problems = DatasetVerification.Problems(dataset);
        Assert.Equal(2, problems.Count);
        Assert.Contains("cifar10_cat_1.aedat", problems[0]);
        Assert.Contains("cifar10_ship_0.aedat", problems[1]);
    }

    private PreparedData Run(DataRecipe recipe, bool checkSums = true) =>
        DatasetPreparation.Run(recipe, Source, Output, new() { Threads = 2, CheckSums = checkSums, Say = _said.Add });

    private ErrorKind Refused(DataRecipe recipe, string message, bool checkSums = true)
    {
        var error = Assert.Throws<SpikeformerException>(() => Run(recipe, checkSums));
        Assert.Contains(message, error.Message);
        return error.Kind;
    }

    private static string[] Names(string folder) => [.. Directory.GetFileSystemEntries(folder).Select(path => Path.GetFileName(path))];
}
