using System.Globalization;
using Spikeformer.Files;

namespace Spikeformer.Diagnostics;

/// <summary>
/// Named places at which a test lets a process die, end, freeze, hang in one thread, or do what can go wrong just there:
/// <c>SPIKEFORMER_FAILPOINTS=WORKER:PLACE@STEP=kill|term|stop|hang|fault[,…]</c>, a
/// star for any step. Without that variable a place costs one comparison.
/// </summary>
internal static class FailPoints
{
    /// <summary>Name of the environment variable.</summary>
    public const string Variable = "SPIKEFORMER_FAILPOINTS";

    /// <summary>Name of another, with a folder in which entries that have struck are noted, so that the next process is spared.</summary>
    public const string FolderVariable = "SPIKEFORMER_FAILPOINTS_FOLDER";

    private const int Kill = 9, Terminate = 15, Stop = 19, Fault = 0, Hang = -1, AnyStep = -1;

    private static readonly Point[] s_points = Parse(Environment.GetEnvironmentVariable(Variable));
    private static readonly bool[] s_hit = new bool[s_points.Length];

    /// <summary>The worker that this process is.</summary>
    public static string Worker { get; set; } = "";

    /// <summary>The process is at a place; from any thread. Each entry of the list strikes once in a process.</summary>
    /// <param name="place">Its name.</param>
    /// <param name="step">The step under way.</param>
    /// <returns>Whether the caller should let happen what can go wrong there.</returns>
    public static bool Hit(string place, long step)
    {
        if (s_points.Length == 0) return false;
        bool mustFail = false;
        for (int i = 0; i < s_points.Length; i++)
        {
            Point point = s_points[i];
            if (point.Place != place || point.Step != step && point.Step != AnyStep || point.Worker != Worker) continue;
            if (Interlocked.Exchange(ref s_hit[i], true) || !Note(i)) continue;
            if (point.Signal == Fault) mustFail = true;
            else if (point.Signal == Hang) Thread.Sleep(Timeout.Infinite);
            else Posix.SignalSelf(point.Signal);
        }
        return mustFail;
    }

    /// <summary>Whether this is the first process in which an entry strikes.</summary>
    private static bool Note(int entry)
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

    /// <exception cref="FormatException">The text is no list of places.</exception>
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
