using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Messaging;
using Spikeformer.Silo.Worker.Session;
using Xunit;

namespace Spikeformer.Cluster.Worker.Session;

public sealed class NearGatewaysTests
{
    private readonly Known _known = new();
    private readonly IGatewayListProvider _near;

    public NearGatewaysTests()
    {
        var services = new ServiceCollection();
        services.AddSingleton<IGatewayListProvider>(_known);
        NearGateways.Prefer(services, IPAddress.Parse("10.0.0.2"));
        _near = services.BuildServiceProvider().GetRequiredService<IGatewayListProvider>();
    }

    [Fact]
    public async Task Gateways_on_the_same_host_are_used_alone()
    {
        Uri[] own = [Gateway("10.0.0.2:1"), Gateway("10.0.0.2:2")];
        _known.Gateways = [Gateway("10.0.0.1:1"), .. own, Gateway("10.0.0.20:1")];
        Assert.Equal(own, await _near.GetGateways());
    }

    [Fact]
    public async Task All_gateways_are_used_when_none_is_on_the_same_host()
    {
        _known.Gateways = [Gateway("10.0.0.1:1"), Gateway("10.0.0.3:1")];
        Assert.Equal(_known.Gateways, await _near.GetGateways());
    }

    private static Uri Gateway(string endpoint) => IPEndPoint.Parse(endpoint).ToGatewayUri();

    private sealed class Known : IGatewayListProvider
    {
        public IList<Uri> Gateways { get; set; } = [];
        public TimeSpan MaxStaleness => TimeSpan.Zero;
        public bool IsUpdatable => true;
        public Task InitializeGatewayListProvider() => Task.CompletedTask;
        public Task<IList<Uri>> GetGateways() => Task.FromResult(Gateways);
    }
}
