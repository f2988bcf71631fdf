using Orleans.Runtime.Placement;
using Spikeformer.Clustering;

namespace Spikeformer.Silo.Placement;

/// <summary>Finds the active silo of the name in a grain's key.</summary>
internal sealed class SiloNamePlacementDirector(IClusterMembershipService membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        string name = SiloNamePlacement.SiloOf(target.GrainIdentity.Key.ToString()!)
            ?? throw new OrleansException($"The key of {target.GrainIdentity} names no silo; it has the form silo/slot.");
        SiloAddress[] compatible = context.GetCompatibleSilos(target);
        // A silo that was restarted may be listed beside its killed predecessor for a moment: the newest incarnation is the living one.
        SiloAddress? silo = membership.CurrentSnapshot.Members.Values
            .Where(member => member.Status == SiloStatus.Active && member.Name == name && compatible.Contains(member.SiloAddress))
            .Select(member => member.SiloAddress)
            .MaxBy(address => address.Generation);
        return Task.FromResult(silo ?? throw new OrleansException($"No active silo is named '{name}', where {target.GrainIdentity} belongs."));
    }
}
