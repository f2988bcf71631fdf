using Orleans.Runtime.Placement;

namespace Spikeformer.Silo.Placement;

/// <summary>Places a grain on the active silo that its key names.</summary>
internal sealed class SiloNamePlacementDirector(IClusterMembershipService membership) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        string name = SiloNamePlacement.SiloOf(target.GrainIdentity.Key.ToString()!)
            ?? throw new OrleansException($"The key of {target.GrainIdentity} names no silo; the form is silo/slot.");
        SiloAddress[] compatible = context.GetCompatibleSilos(target);
        // For a moment a restarted silo is listed beside its killed predecessor; the newest incarnation is alive.
        SiloAddress? silo = membership.CurrentSnapshot.Members.Values
            .Where(member => member.Status == SiloStatus.Active && member.Name == name && compatible.Contains(member.SiloAddress))
            .Select(member => member.SiloAddress)
            .MaxBy(address => address.Generation);
        return Task.FromResult(silo ?? throw new OrleansException($"No active silo is named '{name}', on which {target.GrainIdentity} belongs."));
    }
}
