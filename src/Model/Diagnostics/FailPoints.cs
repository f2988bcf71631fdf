using System.Globalization;

namespace Spikeformer.Diagnostics;

/// <summary>
/// Named places where a test can make a process die (<c>kill</c>), exit (<c>term</c>), freeze (<c>stop</c>), hang in one thread (<c>hang</c>), or fail
/// in a way that is specific to the place (<c>fault</c>): <c>SPIKEFORMER_FAILPOINTS=WORKER:PLACE@STEP=kill|term|stop|hang|fault[,…]</c>. The step
/// <c>*</c> matches any step. Without the variable, a fail point costs one comparison.
/// </summary>
internal static class FailPoints
{
    /// <summary>Name of the environment variable.</summary>
    public const string Variable = "SPIKEFORMER_FAILPOINTS";

    /// <summary>Environment variable with a folder that records the entries that have struck, so that the next process is spared.</summary>
    public const string FolderVariable = "SPIKEFORMER_FAILPOINTS_FOLDER";

    private const int Kill = 9, Terminate = 15, Stop = 19, Fault = 0, Hang = -1, AnyStep = -1;

    private static readonly Point[] s_points = Parse(Environment.GetEnvironmentVariable(Variable));
    private static readonly bool[] s_hit = new bool[s_points.Length];

    /// <summary>The name of this process's worker.</summary>
    public static string Worker { get; set; } = "";

    /// <summary>Strikes if an entry names this place and step. Each entry strikes once per process. Thread-safe.</summary>
    /// <param name="place">The name of the place.</param>
    /// <param name="step">The current step.</param>
    /// <returns>Whether the caller should simulate the fault of this place.</returns>
    public static bool Hit(string place, long step)
    {
        if (s_points.Length == 0) return false;
        bool mustFail = false;
        for (int i = 0; i < s_points.Length; i++)
        {
            Point point = s_points[i];
            if (point.Place != place || point.Step != step && point.Step != AnyStep || point.Worker != Worker) continue;
            if (Interlocked.Exchange(ref s_hit[i], true) || !TryRecordStrike(i)) continue;
            if (point.Signal == Fault) mustFail = true;
            else if (point.Signal == Hang) Thread.Sleep(Timeout.Infinite);
            else Posix.SignalSelf(point.Signal);
        }
        return mustFail;
    }

    /// <summary>Records that an entry has struck. Returns false if it already struck in an earlier process.</summary>
    private static bool TryRecordStrike(int entry)
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is not { Length: > 0 } folder) return true;
        try
        {
            File.Open(Path.Combine(folder, $"struck-{entry}"), FileMode.CreateNew).Dispose();
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Parses the value of <see cref="Variable"/>.</summary>
    /// <exception cref="FormatException">An entry has another form.</exception>
    internal static Point[] Parse(string? text) => string.IsNullOrEmpty(text) ? [] : [.. text.Split(',').Select(ParseOne)];

    private static Point ParseOne(string text)
    {
        int colon = text.IndexOf(':'), at = text.IndexOf('@'), equals = text.IndexOf('=');
        int? signal = colon < 0 || at < colon || equals < at ? null : text[(equals + 1)..] switch { "kill" => Kill, "term" => Terminate, "stop" => Stop, "hang" => Hang, "fault" => Fault, _ => null };
        if (signal is not { } known) throw new FormatException($"{Variable}: '{text}' is not WORKER:PLACE@STEP=kill|term|stop|hang|fault");
        ReadOnlySpan<char> step = text.AsSpan(at + 1, equals - at - 1);
        return new(text[..colon], text[(colon + 1)..at], step is "*" ? AnyStep : long.Parse(step, CultureInfo.InvariantCulture), known);
    }

    internal readonly record struct Point(string Worker, string Place, long Step, int Signal);
}
