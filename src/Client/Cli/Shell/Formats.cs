using System.Globalization;

namespace Spikeformer.Cli.Shell;

/// <summary>The formats of numbers on the command line.</summary>
internal static class Formats
{
    /// <summary>Formats a whole number.</summary>
    public static string Of(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Formats a number in a custom format, such as <c>0.0000</c>.</summary>
    public static string Of(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
