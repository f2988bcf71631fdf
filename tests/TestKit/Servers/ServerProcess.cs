using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace Spikeformer.TestKit.Servers;

/// <summary>A server process with captured output. Killed on disposal, together with all its child processes.</summary>
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

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether the process has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>Starts a server.</summary>
    public static ServerProcess Start(ProcessStartInfo start) => new(start);

    /// <summary>Starts a server and waits until it is up. If it ends early, the test fails with its error output.</summary>
    /// <param name="name">Name of the server, for messages.</param>
    /// <param name="start">How to start the server.</param>
    /// <param name="isUp">Whether the server is up.</param>
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

    /// <summary>Skips the calling test, with a reason, if a program is not installed.</summary>
    public static void Require(string program, string package) => Assert.SkipUnless(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program))),
        $"needs {program}; install the package {package}");

    /// <summary>Returns a free port of the loopback device.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Closes the standard input of the process.</summary>
    public void CloseInput() => _process.StandardInput.Close();

    /// <summary>Sends a signal to the process.</summary>
    public void Signal(int signal)
    {
        using Process kill = Process.Start("kill", [string.Create(CultureInfo.InvariantCulture, $"-{signal}"), $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Sends SIGKILL, so that the process cannot clean up.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Waits for at most a minute until the process has ended.</summary>
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
