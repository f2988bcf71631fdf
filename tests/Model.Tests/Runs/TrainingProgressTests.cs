using Spikeformer.Runs;
using Xunit;

namespace Spikeformer.Model.Tests.Runs;

public sealed class TrainingProgressTests
{
    private static TrainingProgress After(int epochs)
    {
        var progress = new TrainingProgress();
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            progress.Count(EpochLogTests.Step(epoch, loss: 1.0 / (epoch + 3)), TimeSpan.FromSeconds(0.1));
            progress.EndEpoch(epoch, EpochLogTests.Test(top1: 5 - epoch), TimeSpan.FromSeconds(0.2), 1);
        }
        progress.Count(EpochLogTests.Step(epochs, loss: 1 / 7.0), TimeSpan.FromSeconds(0.3));
        return progress;
    }

    [Fact]
    public void A_checkpoint_in_the_middle_of_an_epoch_keeps_its_sums_to_the_bit()
    {
        TrainingProgress progress = After(2), resumed = new();
        resumed.Restore(progress.Metrics());
        foreach (TrainingProgress one in new[] { progress, resumed })
        {
            one.Count(EpochLogTests.Step(2, loss: 1 / 9.0), TimeSpan.FromSeconds(0.7));
            one.EndEpoch(2, EpochLogTests.Test(7), TimeSpan.Zero, 1);
        }
        Assert.Equal(progress.Last!.Train, resumed.Last!.Train);
        Assert.Equal([1, 2], resumed.History.Select(epoch => epoch.Epoch));
        Assert.Equal(progress.History[1], resumed.History[0]);
        Assert.Equal((0.7, 0.7), (progress.Best, resumed.Best));
    }

    [Fact]
    public void A_checkpoint_before_the_first_evaluation_restores_no_epoch()
    {
        TrainingProgress progress = After(0), resumed = new();
        resumed.Restore(progress.Metrics());
        Assert.Null(resumed.Last);
        Assert.Equal(progress.State.Sums, resumed.State.Sums);
    }

    [Fact]
    public void A_member_that_missed_an_evaluation_receives_it_and_keeps_the_earlier_ones()
    {
        TrainingProgress behind = After(2), ahead = After(3);
        behind.State = ahead.Newest;
        Assert.Equal([0, 1, 2], behind.History.Select(epoch => epoch.Epoch));
        Assert.Equal(ahead.State.Sums, behind.State.Sums);
    }

    [Fact]
    public void A_joining_worker_receives_every_epoch_and_a_rewind_removes_epochs()
    {
        TrainingProgress newcomer = new() { State = After(3).State };
        Assert.Equal([0, 1, 2], newcomer.History.Select(epoch => epoch.Epoch));
        newcomer.State = After(1).State;
        Assert.Equal([0], newcomer.History.Select(epoch => epoch.Epoch));
        newcomer.State = new TrainingProgress().State;
        Assert.Empty(newcomer.History);
    }

    [Fact]
    public void No_more_than_the_last_1024_epochs_are_remembered()
    {
        TrainingProgress progress = After(1100);
        Assert.Equal(1024, progress.History.Count);
        Assert.Equal((76, 1100), (progress.History[0].Epoch, progress.Epochs));
    }
}
