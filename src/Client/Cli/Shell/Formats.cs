using System.Globalization;
using System.Text.Json;
using Spikeformer.Contracts;

namespace Spikeformer.Cli.Shell;

/// <summary>How the command line prints numbers and states, the same in every verb.</summary>
internal static class Formats
{
    /// <summary>A run's state in text and JSON, such as <c>waitingForWorkers</c>.</summary>
    public static string Of(RunState state) => JsonNamingPolicy.CamelCase.ConvertName(state.ToString());

    /// <summary>A worker's phase in text and JSON, such as <c>computing</c>.</summary>
    public static string Of(WorkerPhase phase) => JsonNamingPolicy.CamelCase.ConvertName(phase.ToString());

    /// <summary>A whole number.</summary>
    public static string Of(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>A number in a custom format, such as <c>0.0000</c>.</summary>
    public static string Of(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
