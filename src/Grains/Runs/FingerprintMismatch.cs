namespace Spikeformer.Runs;

/// <summary>Explains why a worker cannot train together with the members of its run.</summary>
internal static class FingerprintMismatch
{
    private const string None = "(none)";
    private const int LongestValue = 48, HashDigits = 12;

    /// <summary>Returns whether workers of these fingerprints give the same bits.</summary>
    public static bool AreEqual(IReadOnlyDictionary<string, string> one, IReadOnlyDictionary<string, string> other) =>
        one.Count == other.Count && one.All(field => other.TryGetValue(field.Key, out string? value) && value == field.Value);

    /// <summary>Returns the first field that differs, its two values, and what to do: <c>libtorch is 2.10.0 here and 2.9.1 in the run; use the same
    /// build</c>. The fingerprints must differ.</summary>
    /// <param name="run">The run's fingerprint.</param>
    /// <param name="here">The worker's.</param>
    public static string Describe(IReadOnlyDictionary<string, string> run, IReadOnlyDictionary<string, string> here)
    {
        string field = run.Keys.Union(here.Keys).Order(StringComparer.Ordinal).First(name => run.GetValueOrDefault(name) != here.GetValueOrDefault(name));
        return $"{field} is {Shown(here.GetValueOrDefault(field, None))} here and {Shown(run.GetValueOrDefault(field, None))} in the run; {Remedy(field)}";
    }

    // The first digits identify a hash well enough.
    private static string Shown(string value) => value.Length >= 32 && value.All(char.IsAsciiHexDigit) ? value[..HashDigits]
        : value.Length > LongestValue ? $"{value[..LongestValue]}…"
        : value;

    private static string Remedy(string field) => field switch
    {
        "data" => "give this worker the same data",
        "initialWeights" => "give this worker the same initial weights",
        "device" => "use devices of one model",
        "architecture" or "isa" or "mkl" or "oneDnn" => "use processors of one kind, or the same limit on all silos",
        "probe" => "use processors of one kind and the same build",
        "libtorch" or "kernels" or "imageDecoder" or "recipe" => "use the same build",
        _ => "use the same build and settings",
    };
}
