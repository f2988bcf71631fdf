using k8s.Models;
using Spikeformer.Clustering;
using Spikeformer.ObjectStore;
using Spikeformer.Silo.Settings;

namespace Spikeformer.Manifests;

// Checkpoints outside of the cluster.
internal static partial class ManifestRules
{
    private const int Https = 443;

    /// <summary>Whoever writes checkpoints into an object store needs credentials, and a way to it.</summary>
    private static IEnumerable<string> ObjectStoreProblems(ManifestSet set, SiloSettings settings, V1Container container, Pod pod)
    {
        if (!settings.Roles.HasFlag(SiloRoles.Node) || settings.Checkpoints is not { } place || !S3Address.IsAddress(place)) yield break;
        string[] variables = [.. (container.Env ?? []).Select(variable => variable.Name)];
        if (!variables.Contains("AWS_ACCESS_KEY_ID") || !variables.Contains("AWS_SECRET_ACCESS_KEY")) yield return $"checkpoints go to {place}, without credentials";
        string port = $"{settings.S3.Endpoint?.Port ?? Https}";
        bool isOpen = set.Of<V1NetworkPolicy>().Where(policy => Selects(policy.Spec.PodSelector, pod.Labels)).SelectMany(policy => policy.Spec.Egress ?? [])
            .Any(rule => rule.Ports.Any(open => $"{open.Port}" == port) && rule.To.Any(peer => settings.S3.Endpoint is not null || peer.IpBlock?.Cidr == "0.0.0.0/0"));
        if (!isOpen) yield return $"checkpoints go to {place}, and no NetworkPolicy lets them out";
    }
}
