namespace Spikeformer.Cli.Doctor;

/// <summary>The result of a check.</summary>
internal enum Verdict
{
    Pass,
    Warn,
    Fail,
}

/// <summary>The finding of one check of <c>doctor</c>.</summary>
/// <param name="Check">Name of the check.</param>
/// <param name="Verdict">Its result.</param>
/// <param name="Found">The facts.</param>
/// <param name="Advice">What to do, without the final full stop; null after a pass.</param>
internal sealed record Finding(string Check, Verdict Verdict, string Found, string? Advice = null);
