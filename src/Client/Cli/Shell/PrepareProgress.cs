using System.Globalization;

namespace Spikeformer.Cli.Shell;

/// <summary>Shows the progress of a conversion on standard error, every few seconds.</summary>
/// <param name="terminal">Gets the lines.</param>
/// <param name="time">Clock.</param>
internal sealed class PrepareProgress(Terminal terminal, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private readonly object _gate = new();
    private long _began = -1, _shown;
    private int _first;

    /// <summary>Notes how many samples of all are done.</summary>
    public void Show(int done, int all)
    {
        lock (_gate)
        {
            if (_began < 0)
            {
                (_began, _shown, _first) = (time.GetTimestamp(), time.GetTimestamp(), done);
                if (done > 0) terminal.Say($"{done} of {all} samples were already converted.");
                return;
            }
            if (done < all && time.GetElapsedTime(_shown) < Interval) return;
            _shown = time.GetTimestamp();
            TimeSpan spent = time.GetElapsedTime(_began);
            TimeSpan left = spent / (done - _first) * (all - done);
            terminal.Say(string.Create(CultureInfo.InvariantCulture, $"{done}/{all} samples  {(done - _first) / spent.TotalSeconds:0} samples/s  left {left:h\\:mm\\:ss}"));
        }
    }
}
