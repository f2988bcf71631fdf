using System.Reflection;
using Spikeformer.Contracts;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Contracts;

public sealed class StateNamesTests
{
    [Fact]
    public void States_and_phases_are_spelled_in_camel_case()
    {
        Assert.Equal(["none", "created", "waitingForWorkers", "running", "stopping", "stopped", "completed", "failed", "cancelled"],
            Enum.GetValues<RunState>().Select(StateNames.Of));
        Assert.All(Enum.GetValues<WorkerPhase>(), phase => Assert.Equal(phase.ToString().ToLowerInvariant(), StateNames.Of(phase)));
    }

    [Fact]
    public void Entering_a_state_is_an_event_of_its_name()
    {
        string[] kinds = [.. typeof(EventKinds).GetFields().Select(kind => (string)kind.GetRawConstantValue()!)];
        // The kinds accepted and resumed stand for the state created, and generation for running.
        Assert.All(Enum.GetValues<RunState>().Except([RunState.None, RunState.Created, RunState.Running]), state => Assert.Contains(StateNames.Of(state), kinds));
    }

    [Fact]
    public void The_page_of_events_names_every_field()
    {
        string page = File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "docs", "events.md"));
        Assert.All(typeof(ClusterEvent).GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly),
            field => Assert.Contains($"- `{field.Name.ToLowerInvariant()}`: ", page));
    }
}
