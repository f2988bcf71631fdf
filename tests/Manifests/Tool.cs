using System.Diagnostics;
using Xunit;

namespace Spikeformer.Manifests;

/// <summary>Programs that the tests ask.</summary>
internal static class Tool
{
    /// <summary>Runs a program to its end. Skips the calling test, by name, where it is not installed.</summary>
    /// <returns>Exit code and both outputs.</returns>
    public static (int ExitCode, string Output, string Error) Run(string program, params string[] arguments)
    {
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        Assert.SkipUnless(path.Any(folder => File.Exists(Path.Combine(folder, program))), $"needs {program} on the PATH");
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return (process.ExitCode, output.Result, error.Result);
    }
}
