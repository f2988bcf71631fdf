using Spikeformer.Clustering;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Silos;

/// <summary>Two silos with different roles.</summary>
public sealed class PlacementTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private SiloProcess? _control, _node;
    private ClusterClient? _client;

    public async ValueTask InitializeAsync()
    {
        _control = await StartAsync("alpha", "control");
        _node = await StartAsync("beta.1", "node");
        _client = await ClusterClient.ConnectAsync(ClusterAddress.Parse(_node.Endpoints.Gateway));
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null) await _client.DisposeAsync();
        _control?.Dispose();
        _node?.Dispose();
        _folder.Dispose();
    }

    private Task<SiloProcess> StartAsync(string name, string roles) => SiloProcess.StartAsync("--state", _folder["cluster"], "--name", name, "--roles", roles);

    [Fact]
    public async Task Grains_are_placed_by_their_class_and_key()
    {
        // A silo learns the roles of the others shortly after they join.
        await Eventually.HoldsAsync("the node silo knows the control silo's role", async () =>
            (await _client!.Grains.GetGrain<IControlled>(Guid.NewGuid().ToString()).Where()).Silo == "alpha");
        for (int i = 0; i < 20; i++) Assert.Equal("alpha", (await _client!.Grains.GetGrain<IControlled>($"run-{i}").Where()).Silo);

        Assert.Equal("beta.1", await NamedAsync("beta.1/0"));
        Assert.Equal("beta.1", await NamedAsync("beta.1/1"));
        Assert.Equal("alpha", await NamedAsync("alpha/0"));

        var unknown = await Assert.ThrowsAnyAsync<OrleansException>(() => NamedAsync("gamma/0"));
        Assert.Contains("No active silo is named 'gamma'", unknown.ToString());
        var nameless = await Assert.ThrowsAnyAsync<OrleansException>(() => NamedAsync("0"));
        Assert.Contains("names no silo", nameless.ToString());
    }

    [Fact]
    public async Task An_error_keeps_its_kind_problem_and_remedy_across_a_grain_call()
    {
        var error = await Assert.ThrowsAsync<SpikeformerException>(() => _client!.Grains.GetGrain<IControlled>("run").Fail());
        Assert.Equal((ErrorKind.Conflict, "The name is taken", "Choose another"), (error.Kind, error.What, error.Remedy));
        Assert.Equal("The name is taken. Choose another.", error.Message);
    }

    [Fact]
    public async Task A_silo_that_restarts_under_its_name_gets_its_grains_again()
    {
        await using ClusterClient client = await _control!.ConnectAsync();
        (_, int before) = await client.Grains.GetGrain<INamed>("beta.1/0").Where();
        _node!.Kill();
        using SiloProcess again = await StartAsync("beta.1", "node");
        (string silo, int after) = await RetryAsync(() => client.Grains.GetGrain<INamed>("beta.1/0").Where());
        Assert.Equal("beta.1", silo);
        Assert.NotEqual(before, after);
        Assert.Equal(again.Endpoints.ProcessId, after);
    }

    [Fact]
    public async Task Without_a_control_silo_run_grains_go_to_the_others()
    {
        _control!.Kill();
        Assert.Equal("beta.1", (await RetryAsync(() => _client!.Grains.GetGrain<IControlled>("run").Where())).Silo);
    }

    private async Task<string> NamedAsync(string key) => (await _client!.Grains.GetGrain<INamed>(key).Where()).Silo;

    private static Task<T> RetryAsync<T>(Func<Task<T>> call) => GrainCalls.RetryAsync(call, TimeSpan.FromSeconds(30));
}
