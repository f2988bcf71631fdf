using System.ComponentModel;
using System.Diagnostics;
using Spikeformer.Devices;

namespace Spikeformer.Benchmarks;

/// <summary>A peer's Python script in its own process.</summary>
internal static class PythonPeer
{
    /// <summary>Runs a script to its end, with the environment of our own processes: on a machine with few cores, PyTorch is up to twice as fast with it
    /// as with its defaults.</summary>
    /// <returns>The output; null if the peer is not installed or failed.</returns>
    public static string? Run(string python, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(python, arguments) { RedirectStandardOutput = true };
            ComputeEnvironment.ApplyTo(start);
            return Output(start);
        }
        catch (Exception failure) when (failure is InvalidOperationException or Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Returns the output of a process.</summary>
    /// <exception cref="InvalidOperationException">The process failed.</exception>
    public static string Output(ProcessStartInfo start)
    {
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{start.FileName} ended with {process.ExitCode}.");
    }
}
