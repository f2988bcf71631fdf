using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster;

/// <summary>A Prometheus of a test's own on a free port of the loopback device, that scrapes a silo twice a second. Killed on disposal.</summary>
internal sealed class PrometheusServer : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new();
    private readonly int _port = FreePort();
    private readonly Process _process;
    private readonly Task<string> _log;

    private PrometheusServer(SiloProcess silo)
    {
        File.WriteAllText(_folder["prometheus.yml"], $$"""
            global: { scrape_interval: 500ms }
            scrape_configs: [{ job_name: spikeformer, static_configs: [{ targets: ["{{new Uri(silo.Endpoints.Http).Authority}}"] }] }]
            """);
        _process = Process.Start(new ProcessStartInfo("prometheus",
            [$"--config.file={_folder["prometheus.yml"]}", $"--storage.tsdb.path={_folder["data"]}",
            string.Create(CultureInfo.InvariantCulture, $"--web.listen-address=127.0.0.1:{_port}")])
        { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _ = _process.StandardOutput.ReadToEndAsync();
        _log = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Skips the calling test, by name, where Prometheus is not installed.</summary>
    public static void Require() => Assert.SkipUnless(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "prometheus"))),
        "needs prometheus and promtool; install the package prometheus");

    /// <summary>Starts a server and waits until it has scraped the silo.</summary>
    public static async Task<PrometheusServer> StartAsync(SiloProcess silo)
    {
        Require();
        var server = new PrometheusServer(silo);
        try
        {
            await Eventually.HoldsAsync("a Prometheus that scrapes the silo", async () =>
            {
                Assert.False(server._process.HasExited, $"prometheus ended early: {(server._process.HasExited ? server._log.Result : "")}");
                return await server.AskAsync("up") is [1];
            });
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>The values that a query has now; none while the server is not up.</summary>
    public async Task<double[]> AskAsync(string query)
    {
        try
        {
            string answer = await _http.GetStringAsync(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}/api/v1/query?query={Uri.EscapeDataString(query)}"));
            return [.. from series in JsonDocument.Parse(answer).RootElement.GetProperty("data").GetProperty("result").EnumerateArray()
                       select double.Parse(series.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture)];
        }
        catch (HttpRequestException)
        {
            return [];
        }
    }

    /// <summary>Has promtool check a scrape.</summary>
    /// <returns>What it complains about.</returns>
    public static string Check(string scrape)
    {
        using Process promtool = Process.Start(new ProcessStartInfo("promtool", ["check", "metrics"]) { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true })!;
        promtool.StandardInput.Write(scrape);
        promtool.StandardInput.Close();
        string complaints = promtool.StandardOutput.ReadToEnd() + promtool.StandardError.ReadToEnd();
        promtool.WaitForExit();
        return promtool.ExitCode == 0 ? complaints : $"exit code {promtool.ExitCode}: {complaints}";
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
        _http.Dispose();
        _folder.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
