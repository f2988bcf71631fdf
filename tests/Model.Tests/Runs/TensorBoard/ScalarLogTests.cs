using Spikeformer.Runs.TensorBoard;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Runs.TensorBoard;

public sealed class ScalarLogTests : IDisposable
{
    private const string Loss = "Train/train_loss", Accuracy = "Train/train_acc1";
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_250);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string[] Files => [.. Directory.GetFiles(_folder.Path).Order(StringComparer.Ordinal)];

    private ScalarLog Open(int epochs, DateTimeOffset? now = null) => ScalarLog.Open(_folder.Path, [Loss, Accuracy], first: 0, epochs, now ?? s_now);

    private static void Append(ScalarLog log, int epoch, double loss) => log.Append(epoch, [(Loss, loss), (Accuracy, 10 * loss)], s_now);

    [Fact]
    public void A_file_has_a_version_a_start_and_scalars_in_valid_records()
    {
        using (ScalarLog log = Open(0))
        {
            Append(log, 0, 2.5);
            Append(log, 300, -0.125);
        }
        BoardEvent[] expected =
        [
            new(1_700_000_000.25, 0, null, 0, false, "brain.Event:2"), new(1_700_000_000.25, 0, null, 0, true, null),
            new(1_700_000_000.25, 0, Loss, 2.5f, false, null), new(1_700_000_000.25, 0, Accuracy, 25f, false, null),
            new(1_700_000_000.25, 300, Loss, -0.125f, false, null), new(1_700_000_000.25, 300, Accuracy, -1.25f, false, null),
        ];
        Assert.Equal(expected, EventFile.Read(Assert.Single(Files)));
        Assert.StartsWith("events.out.tfevents.1700000000.", Path.GetFileName(Files[0]));
    }

    [Fact]
    public void The_first_record_equals_that_of_TensorFlow_byte_for_byte()
    {
        // The length 24 and its checksum as TensorFlow writes them at the start of every event file, with the payload from its documentation.
        byte[] frame = EventRecords.Frame(new ScalarEvent(0, 0, Version: ScalarEvent.FileVersion).ToBytes());
        Assert.Equal("1800000000000000a37f4b22", Convert.ToHexStringLower(EventRecords.Frame(new byte[24])[..12]));
        Assert.Equal("0900000000000000001000" + "1a0d627261696e2e4576656e743a32", Convert.ToHexStringLower(frame[12..^4]));
    }

    [Fact]
    public void A_resumed_log_starts_a_session_where_epochs_are_computed_again()
    {
        using (ScalarLog log = Open(0))
            for (int epoch = 0; epoch < 5; epoch++) Append(log, epoch, epoch);
        using (ScalarLog log = Open(3))
        {
            Assert.Equal(3, log.Next);
            Append(log, 3, 30);
        }
        Assert.Equal(2, Files.Length);
        Assert.Contains(EventFile.Read(Files[1]), what => what is { IsStart: true, Step: 3 });
        Assert.Equal<IEnumerable<float>>([0, 1, 2, 30], EventFile.Curves(_folder.Path)[Loss].Values);
        Assert.Equal<IEnumerable<float>>([0, 10, 20, 300], EventFile.Curves(_folder.Path)[Accuracy].Values);
    }

    [Fact]
    public void Wherever_a_kill_truncates_a_file_the_next_log_starts_at_the_first_missing_epoch()
    {
        using (ScalarLog log = Open(0))
            for (int epoch = 0; epoch < 2; epoch++) Append(log, epoch, epoch);
        byte[] whole = File.ReadAllBytes(Files[0]);
        string first = Files[0];
        for (int length = 0; length <= whole.Length; length++)
        {
            File.WriteAllBytes(first, whole[..length]);
            int sound = EventRecords.Read(whole.AsMemory(0, length)).Count;
            using (ScalarLog log = Open(2))
            {
                // Two records at the start, then two for each epoch.
                Assert.Equal(Math.Clamp((sound - 2) / 2, 0, 2), log.Next);
                for (int epoch = log.Next; epoch < 2; epoch++) Append(log, epoch, epoch);
            }
            Assert.Equal([0f, 1f], ScalarLog.Curves(_folder.Path).Where(point => point.Key.Tag == Loss).OrderBy(point => point.Key.Step).Select(point => point.Value));
            File.Delete(Files[^1]);
        }
    }

    [Fact]
    public void A_file_made_after_the_clock_was_set_back_is_still_read_last()
    {
        using (ScalarLog log = Open(0)) Append(log, 0, 1);
        using (ScalarLog log = Open(0, s_now.AddHours(-5))) Append(log, 0, 2);
        Assert.Equal(2f, EventFile.Curves(_folder.Path)[Loss][0]);
        Assert.Equal(2f, ScalarLog.Curves(_folder.Path)[(Loss, 0)]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    [InlineData(15)]
    [InlineData(40)]
    public void A_flipped_bit_ends_the_reading_of_a_file(int at)
    {
        byte[] file = [.. EventRecords.Frame(new ScalarEvent(1, 2, Loss, 3).ToBytes())];
        Assert.Single(EventRecords.Read(file));
        file[at] ^= 1;
        Assert.Empty(EventRecords.Read(file));
    }
}
