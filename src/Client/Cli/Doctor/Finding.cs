namespace Spikeformer.Cli.Doctor;

/// <summary>How a check ended.</summary>
internal enum Verdict
{
    Pass,
    Warn,
    Fail,
}

/// <summary>What one check of <c>doctor</c> found.</summary>
/// <param name="Check">What was checked.</param>
/// <param name="Verdict">How it ended.</param>
/// <param name="Found">The facts.</param>
/// <param name="Advice">What to do; null after a pass.</param>
internal sealed record Finding(string Check, Verdict Verdict, string Found, string? Advice = null);
