using Spikeformer.Checkpoints;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

public sealed class SharedSaveTests
{
    private static readonly CheckpointInfo s_info = States.Info(22) with { Generation = new(3, "n3") };
    private static readonly TensorSpec[] s_state = [.. States.State(22).Select(tensor => tensor.Spec)];
    private static readonly IReadOnlyList<Slice> s_plan = SlicePlan.Create(s_state, States.SmallSlices.SliceBytes);

    private static SharedSave Save(int writers) => new(s_info, s_state, s_plan, [.. Enumerable.Range(0, writers).Select(writer => $"a/{writer}")]);

    private static ManifestSlice[] Written(SharedSave save, int writer) =>
    [
        .. save.SlicesOf(writer).Select(slice => new ManifestSlice(slice.File, slice.Bytes, new('0', 64), [.. slice.Tensors.Select(index => s_state[index].Name)])),
    ];

    private static Manifest Report(SharedSave save, int writer) => new(1, s_info, Written(save, writer));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    [InlineData(6, 6)]
    [InlineData(8, 6)]
    public void Every_slice_has_one_writer_and_a_worker_without_slices_is_not_awaited(int writers, int atWork)
    {
        Assert.Equal(6, s_plan.Count);
        SharedSave save = Save(writers);
        Assert.Equal(s_plan.Order(Comparer<Slice>.Create((a, b) => string.CompareOrdinal(a.File, b.File))),
            Enumerable.Range(0, writers).SelectMany(save.SlicesOf).Order(Comparer<Slice>.Create((a, b) => string.CompareOrdinal(a.File, b.File))));
        Assert.Equal(Enumerable.Range(0, atWork), save.Missing);
        Assert.Equal(atWork, save.Writers.Count);
        for (int writer = 0; writer < writers; writer++) Assert.InRange(save.SlicesOf(writer).Count, 6 / writers, (6 + writers - 1) / writers);
    }

    [Fact]
    public void A_save_is_complete_when_all_have_reported_and_lists_its_slices_in_canonical_order()
    {
        SharedSave save = Save(3);
        foreach (int writer in (int[])[2, 0]) save.AddReport(writer, Report(save, writer));
        Assert.Equal([1], save.Missing);
        save.AddReport(1, Report(save, 1));
        Assert.Empty(save.Missing);
        Assert.Equal(s_plan.Select(slice => slice.File), save.Slices.Select(slice => slice.File));
    }

    [Fact]
    public void Every_save_has_its_own_folder()
    {
        Assert.Equal("saving-22-n3", Save(2).Folder);
        Assert.True(SharedSave.IsFolder(Save(2).Folder));
        Assert.False(CheckpointId.TryParse(Save(2).Folder, out _));
        Assert.False(SharedSave.IsFolder("step-22"));
    }

    [Fact]
    public void A_report_of_another_save_or_other_bits_or_other_slices_ends_the_save()
    {
        SharedSave save = Save(2);
        Manifest right = Report(save, 1);
        Manifest[] wrong =
        [
            right with { Checkpoint = s_info with { Step = 23 } },
            right with { Checkpoint = s_info with { Generation = new(3, "n4") } },
            right with { Checkpoint = s_info with { Generation = new(2, "n3") } },
            right with { Checkpoint = s_info with { StepDigest = "ab" } },
            right with { Checkpoint = s_info with { LedgerDigest = "ab" } },
            right with { Slices = [.. right.Slices.SkipLast(1)] },
            right with { Slices = [.. right.Slices, .. Written(save, 0)] },
            right with { Slices = Written(save, 0) },
            right with { Slices = [.. right.Slices.Select(slice => slice with { Tensors = [.. slice.Tensors, "more"] })] },
        ];
        foreach (Manifest report in wrong)
        {
            var abandoned = Assert.Throws<SaveAbandonedException>(() => save.AddReport(1, report));
            Assert.False(abandoned.IsCalledOff);
            Assert.Contains("a/1", abandoned.Message);
            Assert.Equal([0, 1], save.Missing);
        }
        save.AddReport(1, right);
        Assert.Equal([0], save.Missing);
    }

    [Fact]
    public void A_save_is_abandoned_when_it_is_called_off_or_idle_for_too_long_but_not_when_it_is_complete()
    {
        SharedSave save = Save(2);
        save.AddSlices(0, Written(save, 0));
        TimeSpan patience = TimeSpan.FromSeconds(60);
        save.GiveUpIfHopeless(isCalledOff: false, patience, patience);
        Assert.True(Assert.Throws<SaveAbandonedException>(() => save.GiveUpIfHopeless(isCalledOff: true, TimeSpan.Zero, patience)).IsCalledOff);
        var silent = Assert.Throws<SaveAbandonedException>(() => save.GiveUpIfHopeless(isCalledOff: false, TimeSpan.FromSeconds(61), patience));
        Assert.False(silent.IsCalledOff);
        Assert.Equal("The checkpoint of step 22 was abandoned (earlier ones are untouched): nothing received from a/1 for 61 s. The run saves again at its next step.",
            silent.Message);
        save.AddReport(1, Report(save, 1));
        save.GiveUpIfHopeless(isCalledOff: true, TimeSpan.MaxValue, patience);
    }
}
