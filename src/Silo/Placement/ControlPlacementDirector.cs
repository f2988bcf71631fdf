using Orleans.Runtime.MembershipService.SiloMetadata;
using Orleans.Runtime.Placement;

namespace Spikeformer.Silo.Placement;

/// <summary>Prefers silos with the role control. The key of the grain chooses among them, so that two silos that place the same grain choose the same
/// silo.</summary>
internal sealed class ControlPlacementDirector(ISiloMetadataCache metadata) : IPlacementDirector
{
    /// <summary>Key of the roles in the metadata of a silo.</summary>
    public const string RolesKey = "roles";

    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        SiloAddress[] all = context.GetCompatibleSilos(target);
        SiloAddress[] control = [.. all.Where(HasControl)];
        SiloAddress[] candidates = control.Length > 0 ? control : all;
        if (candidates.Length == 0) throw new OrleansException($"No silo can host {target.GrainIdentity}.");
        Array.Sort(candidates);
        return Task.FromResult(candidates[target.GrainIdentity.GetUniformHashCode() % (uint)candidates.Length]);
    }

    private bool HasControl(SiloAddress silo) =>
        metadata.GetSiloMetadata(silo).Metadata.TryGetValue(RolesKey, out string? roles)
        && Enum.TryParse(roles, out SiloRoles parsed) && parsed.HasFlag(SiloRoles.Control);
}
