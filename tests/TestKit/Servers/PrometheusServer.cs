using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Spikeformer.TestKit.Servers;

/// <summary>A Prometheus server for one test, on a free port of the loopback device. It scrapes the silo twice a second. Killed on disposal.</summary>
public sealed class PrometheusServer : IDisposable
{
    /// <summary>Time between two scrapes: 500 ms.</summary>
    public static readonly TimeSpan ScrapeInterval = TimeSpan.FromMilliseconds(500);

    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new();
    private readonly int _port = ServerProcess.FreePort();
    private ServerProcess? _process;

    private PrometheusServer(string target, string kubernetesNamespace, string pod, string rules)
    {
        File.WriteAllText(_folder["rules.yml"], rules);
        File.WriteAllText(_folder["prometheus.yml"], $$"""
            global: { scrape_interval: 500ms, evaluation_interval: 500ms }
            rule_files: [rules.yml]
            scrape_configs: [{ job_name: spikeformer, static_configs: [{ targets: ["{{target}}"], labels: { namespace: "{{kubernetesNamespace}}", pod: "{{pod}}" } }] }]
            """);
    }

    /// <summary>Skips the calling test, with a reason, if Prometheus is not installed.</summary>
    public static void Require() => ServerProcess.Require("prometheus", "prometheus");

    /// <summary>Starts a server and waits until it has scraped the silo.</summary>
    /// <param name="silo">HTTP address of the silo.</param>
    /// <param name="kubernetesNamespace">The label <c>namespace</c>, which scrapes have in Kubernetes.</param>
    /// <param name="pod">The label <c>pod</c>, which scrapes have in Kubernetes.</param>
    /// <param name="rules">Groups of rules in YAML.</param>
    public static async Task<PrometheusServer> StartAsync(string silo, string kubernetesNamespace, string pod, string rules)
    {
        Require();
        var server = new PrometheusServer(new Uri(silo).Authority, kubernetesNamespace, pod, rules);
        try
        {
            server._process = await ServerProcess.StartAsync("a Prometheus",
                new("prometheus",
                    [$"--config.file={server._folder["prometheus.yml"]}", $"--storage.tsdb.path={server._folder["data"]}",
                    string.Create(CultureInfo.InvariantCulture, $"--web.listen-address=127.0.0.1:{server._port}")]),
                async () => await server.AskAsync("up") is [1]);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Returns the current values of a query, or no values while the server is starting. Throws for an invalid query.</summary>
    public async Task<double[]> AskAsync(string query)
    {
        try
        {
            return [.. from series in (await GetAsync($"query?query={Uri.EscapeDataString(query)}")).GetProperty("result").EnumerateArray()
                       select double.Parse(series.GetProperty("value")[1].GetString()!, CultureInfo.InvariantCulture)];
        }
        catch (HttpRequestException error) when (error.StatusCode is null or HttpStatusCode.ServiceUnavailable)
        {
            return [];
        }
    }

    /// <summary>Returns the rules and the error of their last evaluation, or an empty text if there was none.</summary>
    public async Task<(string Rule, string Error)[]> RulesAsync() =>
    [
        .. from @group in (await GetAsync("rules")).GetProperty("groups").EnumerateArray()
           from rule in @group.GetProperty("rules").EnumerateArray()
           select (rule.GetProperty("name").GetString()!,
               rule.GetProperty("health").GetString() == "ok" ? "" : rule.TryGetProperty("lastError", out JsonElement error) ? error.GetString()! : "not evaluated"),
    ];

    /// <summary>Checks a scrape with promtool.</summary>
    /// <returns>The complaints of promtool.</returns>
    public static string Check(string scrape)
    {
        using Process promtool = Process.Start(new ProcessStartInfo("promtool", ["check", "metrics"]) { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true })!;
        promtool.StandardInput.Write(scrape);
        promtool.StandardInput.Close();
        string complaints = promtool.StandardOutput.ReadToEnd() + promtool.StandardError.ReadToEnd();
        promtool.WaitForExit();
        return promtool.ExitCode == 0 ? complaints : $"exit code {promtool.ExitCode}: {complaints}";
    }

    private async Task<JsonElement> GetAsync(string what)
    {
        string answer = await _http.GetStringAsync(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}/api/v1/{what}"));
        return JsonDocument.Parse(answer).RootElement.GetProperty("data");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process?.Dispose();
        _http.Dispose();
        _folder.Dispose();
    }
}
