using System.Globalization;
using System.Text; // IDE0005

namespace Spikeformer.Gates;

/// <summary>Needs one of two namespaces.</summary>
public static class Usings
{
    /// <summary>A number as text.</summary>
    public static string Write(int number) => number.ToString(CultureInfo.InvariantCulture);
}
