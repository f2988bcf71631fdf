using Spikeformer.Data.Images;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Images;

public sealed class ValidationSortTests : IDisposable
{
    private const string One = "ILSVRC2012_val_00000001", Two = "ILSVRC2012_val_00000002", Three = "ILSVRC2012_val_00000003";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string?> Files => new()
    {
        {
            "#!/bin/bash\nmkdir -p n01440764\nmkdir -p n03995372\n\n" +
            $"mv {One}.JPEG n03995372/\nmv {Two}.JPEG n01440764/\nmv ./{Three}.JPEG n03995372/\n", null
        },
        { $"ImageId,PredictionString\r\n{Two},n01440764 0 0 10 20 5 5 9 9\r\n{One},n03995372 85 1 499 272 \r\n{Three},n03995372\r\n", null },
        { "2\n1\n2\n", "n01440764 tench, Tinca tinca\nn03995372 power drill\n" },
        { "70\n 7\n70\n", "7 n01440764\n70 n03995372 power drill\n" },
    };

    [Theory, MemberData(nameof(Files))]
    public void Labels_are_read_from_every_supported_file(string text, string? synsets)
    {
        IReadOnlyDictionary<string, string> labels = ValidationLabels.Read(Write("labels", text), synsets is null ? null : Write("synsets", synsets));
        Assert.Equal(new Dictionary<string, string> { [One] = "n03995372", [Two] = "n01440764", [Three] = "n03995372" }, labels);
    }

    [Theory]
    [InlineData("", null, "is empty")]
    [InlineData("#!/bin/bash\n", null, "names no images")]
    [InlineData("mkdir -p n01440764\nrm -rf n01440764\n", null, "line 2: 'rm -rf n01440764' is neither 'mkdir -p WNID' nor 'mv IMAGE WNID/'")]
    [InlineData("mv a.JPEG ../n01440764/\n", null, "line 1")]
    [InlineData("mv a.JPEG n01440764/\nmv a.JPEG n01440765/\n", null, "line 2: 'a' is given a second class, n01440765 after n01440764")]
    [InlineData("ImageId,PredictionString\na,tench\n", null, "line 2")]
    [InlineData("1\n", null, "--synsets")]
    [InlineData("1\n3\n", "n01440764\nn01440765\n", "line 2: '3' is not one of the 2 classes in")]
    [InlineData("1\n", "tench\n", "line 1: 'tench' is neither")]
    [InlineData("1\n", "1 n01440764\n1 n01440765\n", "line 2: '1 n01440765' is a second class of number 1")]
    public void A_wrong_label_file_is_rejected_with_its_line(string text, string? synsets, string message)
    {
        var error = Assert.Throws<SpikeformerException>(() => ValidationLabels.Read(Write("labels", text), synsets is null ? null : Write("synsets", synsets)));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains(message, error.Message);
    }

    [Theory]
    [InlineData(SortBy.Move)]
    [InlineData(SortBy.Copy)]
    [InlineData(SortBy.Link)]
    public void Images_are_put_into_their_class_folders(SortBy by)
    {
        Write($"in/{One}.JPEG", "one");
        Write($"in/{Two}.JPEG", "two");
        Write("in/README", "stays");
        SortResult result = Sort(by);
        Assert.Equal((2, 0, 1), (result.Sorted, result.There, result.Unlabelled));
        Assert.Equal([Three], result.Missing);
        Assert.Equal(("one", "two"), (Text($"out/n03995372/{One}.JPEG"), Text($"out/n01440764/{Two}.JPEG")));
        Assert.Equal(by != SortBy.Move, File.Exists(_folder[$"in/{One}.JPEG"]));
        Assert.Equal(by == SortBy.Link, new FileInfo(_folder[$"out/n03995372/{One}.JPEG"]).LinkTarget is not null);
        Assert.Equal("stays", Text("in/README"));
    }

    [Fact]
    public void A_stopped_sort_continues_and_a_completed_sort_changes_nothing()
    {
        Write($"in/{One}.JPEG", "one");
        Write($"in/{Two}.JPEG", "two");
        Write($"in/{Three}.JPEG", "three");
        // Like a sort stopped before the third image, between copying the second image to another disk and removing the original.
        Write($"out/n03995372/{One}.JPEG", "one");
        SortResult first = Sort(SortBy.Move), second = Sort(SortBy.Move);
        Assert.Equal((2, 1, 0), (first.Sorted, first.There, first.Missing.Count));
        Assert.Equal((0, 3, 0), (second.Sorted, second.There, second.Missing.Count));
        Assert.Empty(Directory.GetFiles(_folder["in"]));
        Assert.Equal(["one", "three", "two"], Directory.GetFiles(_folder["out"], "*", SearchOption.AllDirectories).Select(File.ReadAllText).Order());
    }

    [Fact]
    public void A_different_file_at_the_target_stops_the_sort_and_both_files_stay()
    {
        Write($"in/{One}.JPEG", "one");
        Write($"out/n03995372/{One}.JPEG", "other");
        var error = Assert.Throws<SpikeformerException>(() => Sort(SortBy.Move));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.Equal(("one", "other"), (Text($"in/{One}.JPEG"), Text($"out/n03995372/{One}.JPEG")));
    }

    [Fact]
    public void Moving_after_linking_never_loses_the_only_copy()
    {
        Write($"in/{One}.JPEG", "one");
        Sort(SortBy.Link);
        Sort(SortBy.Move);
        Assert.Equal("one", Text($"out/n03995372/{One}.JPEG"));
        Assert.Null(new FileInfo(_folder[$"out/n03995372/{One}.JPEG"]).LinkTarget);
    }

    [Fact]
    public void A_folder_may_be_sorted_in_place_and_a_class_folder_into_itself()
    {
        Write($"in/{One}.JPEG", "one");
        Assert.Equal(1, ValidationSort.Run(_folder["in"], _folder["in"], Labels, SortBy.Move).Sorted);
        Directory.CreateSymbolicLink(_folder["alias"], _folder["in/n03995372"]);
        Assert.Equal(0, ValidationSort.Run(_folder["alias"], _folder["in"], Labels, SortBy.Move).Sorted);
        Assert.Equal("one", Text($"in/n03995372/{One}.JPEG"));
    }

    private static Dictionary<string, string> Labels => new() { [One] = "n03995372", [Two] = "n01440764", [Three] = "n03995372" };

    private SortResult Sort(SortBy by) => ValidationSort.Run(_folder["in"], _folder["out"], Labels, by);

    private string Text(string name) => File.ReadAllText(_folder[name]);

    private string Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[name])!);
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }
}
