using System.Diagnostics;
using System.Runtime.Intrinsics;
using Xunit;

namespace Spikeformer.Model.Tests;

/// <summary>Asserts that a result is the same without AVX-512: the test runs itself again in a process whose runtime may not use it, and both
/// digests must be equal.</summary>
internal static class NarrowProcess
{
    private const string ReportVariable = "SPIKEFORMER_NARROW_REPORT";

    /// <param name="digest">Computes the result's digest.</param>
    /// <param name="test">The calling test.</param>
    public static void AssertSameDigest(Func<string> digest, Delegate test)
    {
        string here = digest();
        if (Environment.GetEnvironmentVariable(ReportVariable) is { Length: > 0 } report)
        {
            File.WriteAllLines(report, [Vector512.IsHardwareAccelerated.ToString(), here]);
            return;
        }
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "needs a processor with AVX-512 to compare AVX2 with");
        string path = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, typeof(NarrowProcess).Assembly.GetName().Name!),
                ["--filter-method", $"{test.Method.DeclaringType!.FullName}.{test.Method.Name}"])
            { RedirectStandardOutput = true };
            start.Environment["DOTNET_EnableAVX512"] = "0";
            start.Environment[ReportVariable] = path;
            using Process process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, output);
            Assert.Equal(["False", here], File.ReadAllLines(path));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
