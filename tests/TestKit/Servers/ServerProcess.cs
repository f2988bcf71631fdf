using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Spikeformer.TestKit.Servers;

/// <summary>A server in a process of its own, whose talk is kept. Killed on disposal, with all that it has started.</summary>
public sealed class ServerProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output, _error;

    private ServerProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        (_output, _error) = (_process.StandardOutput.ReadToEndAsync(), _process.StandardError.ReadToEndAsync());
    }

    /// <summary>Its id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Starts a server.</summary>
    public static ServerProcess Start(ProcessStartInfo start) => new(start);

    /// <summary>Starts a server and waits until it is up; fails with what it said when it ends instead.</summary>
    /// <param name="name">What it is, for the message.</param>
    /// <param name="start">How to start it.</param>
    /// <param name="isUp">Whether it is up.</param>
    public static async Task<ServerProcess> StartAsync(string name, ProcessStartInfo start, Func<Task<bool>> isUp)
    {
        var server = new ServerProcess(start);
        try
        {
            await Eventually.HoldsAsync($"{name} that is up", () =>
            {
                Assert.False(server.HasExited, $"{name} ended early: {(server.HasExited ? server._error.Result : "")}");
                return isUp();
            });
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Skips the calling test, by name, where a program is not installed.</summary>
    public static void Require(string program, string package) => Assert.SkipUnless(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program))),
        $"needs {program}; install the package {package}");

    /// <summary>A port of the loopback device that nobody has.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Closes its standard input.</summary>
    public void CloseInput() => _process.StandardInput.Close();

    /// <summary>Sends it a signal.</summary>
    public void Signal(int signal)
    {
        using Process kill = Process.Start("kill", [string.Create(CultureInfo.InvariantCulture, $"-{signal}"), $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>SIGKILL: the process gets no chance to tidy up.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Waits until the process has ended, at most a minute.</summary>
    public (int ExitCode, string Output, string Error) Finish()
    {
        if (!_process.WaitForExit(TimeSpan.FromMinutes(1))) Assert.Fail("The server did not end within a minute.");
        return (_process.ExitCode, _output.Result, _error.Result);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }
        _process.Dispose();
    }
}
