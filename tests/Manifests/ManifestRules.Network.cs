using k8s.Models;
using Spikeformer.Clustering;
using Spikeformer.Silo.Hosting;

namespace Spikeformer.Manifests;

// Selectors, ports and who reaches whom.
internal static partial class ManifestRules
{
    private static IEnumerable<string> Selectors(ManifestSet set)
    {
        foreach (V1Deployment o in set.Of<V1Deployment>())
            if (!Selects(o.Spec.Selector, o.Spec.Template.Metadata.Labels)) yield return $"Deployment {o.Name()}: the selector does not fit its own pods";
        foreach (V1StatefulSet o in set.Of<V1StatefulSet>())
        {
            if (!Selects(o.Spec.Selector, o.Spec.Template.Metadata.Labels)) yield return $"StatefulSet {o.Name()}: the selector does not fit its own pods";
            if (!set.Of<V1Service>().Any(service => service.Name() == o.Spec.ServiceName))
                yield return $"StatefulSet {o.Name()}: there is no service {o.Spec.ServiceName}";
        }
        foreach ((string place, V1LabelSelector selector) in
            set.Of<V1PodDisruptionBudget>().Select(o => ($"PodDisruptionBudget {o.Name()}", o.Spec.Selector))
            .Concat(from policy in set.Of<V1NetworkPolicy>()
                    from selector in Peers(policy).Append(policy.Spec.PodSelector)
                    select ($"NetworkPolicy {policy.Name()}", selector))
            .Concat(set.Of<V1Service>().Select(o => ($"Service {o.Name()}", new V1LabelSelector { MatchLabels = o.Spec.Selector })))
            .Concat(set.Of<PodMonitor>().Select(o => ($"PodMonitor {o.Name()}", o.Spec.Selector ?? new()))))
            if (!set.Pods.Any(pod => Selects(selector, pod.Labels))) yield return $"{place}: a selector fits no pod";
        foreach (Pod pod in set.Pods)
        {
            V1NetworkPolicy[] policies = [.. set.Of<V1NetworkPolicy>().Where(o => Selects(o.Spec.PodSelector, pod.Labels))];
            if (!policies.Any(o => o.Spec.PolicyTypes.Contains("Ingress"))) yield return $"{pod.Owner}: no NetworkPolicy says who may reach it";
            if (!policies.Any(o => o.Spec.PolicyTypes.Contains("Egress"))) yield return $"{pod.Owner}: no NetworkPolicy says whom it may reach";
            foreach (V1TopologySpreadConstraint spread in pod.Spec.TopologySpreadConstraints ?? [])
                if (!Selects(spread.LabelSelector, pod.Labels)) yield return $"{pod.Owner}: spreads pods that are not its own";
        }
    }

    private static IEnumerable<string> Ports(ManifestSet set)
    {
        foreach (V1Service service in set.Of<V1Service>())
        {
            if (service.Spec.ClusterIP != "None" || service.Spec.Type is not (null or "ClusterIP"))
                yield return $"Service {service.Name()}: must be headless; nothing is open to the outside";
            foreach (V1ServicePort port in service.Spec.Ports)
                if (!Containers(set, service.Spec.Selector).Any(container => HasPort(container, $"{port.TargetPort ?? port.Port}")))
                    yield return $"Service {service.Name()}: no container has its port {port.TargetPort ?? port.Port}";
        }
        foreach (V1NetworkPolicy policy in set.Of<V1NetworkPolicy>())
        {
            foreach (V1NetworkPolicyIngressRule rule in policy.Spec.Ingress ?? [])
            {
                if (rule.FromProperty is not { Count: > 0 }) yield return $"NetworkPolicy {policy.Name()}: lets everybody in";
                foreach (V1NetworkPolicyPort port in rule.Ports ?? [])
                    if (!Containers(set, policy.Spec.PodSelector.MatchLabels).Any(container => HasPort(container, $"{port.Port}")))
                        yield return $"NetworkPolicy {policy.Name()}: no container has the port {port.Port}";
            }
        }
        foreach (PodMonitor monitor in set.Of<PodMonitor>())
            foreach (PodMetricsEndpoint endpoint in monitor.Spec.PodMetricsEndpoints)
            {
                if (endpoint.Path != HttpEndpoints.Metrics) yield return $"PodMonitor {monitor.Name()}: metrics are at {HttpEndpoints.Metrics}";
                if (!Containers(set, monitor.Spec.Selector!.MatchLabels).All(container => HasPort(container, endpoint.Port ?? "")))
                    yield return $"PodMonitor {monitor.Name()}: a container has no port {endpoint.Port}";
                IEnumerable<V1NetworkPolicyIngressRule> rules = set.Of<V1NetworkPolicy>().SelectMany(policy => policy.Spec.Ingress ?? []);
                if (!rules.Any(rule => rule.Ports.Any(port => $"{port.Port}" == $"{ClusterNames.HttpPort}")))
                    yield return $"PodMonitor {monitor.Name()}: no NetworkPolicy lets Prometheus in";
            }
    }

    private static IEnumerable<V1LabelSelector> Peers(V1NetworkPolicy policy) =>
        from peer in (policy.Spec.Ingress ?? []).SelectMany(rule => rule.FromProperty ?? [])
            .Concat((policy.Spec.Egress ?? []).SelectMany(rule => rule.To ?? []))
        where peer.NamespaceSelector is null && peer.PodSelector is not null
        select peer.PodSelector;

    private static IEnumerable<V1Container> Containers(ManifestSet set, IDictionary<string, string> labels) =>
        set.Pods.Where(pod => Selects(new() { MatchLabels = labels }, pod.Labels)).SelectMany(pod => pod.Spec.Containers);

    private static bool Selects(V1LabelSelector selector, IDictionary<string, string> labels) =>
        selector.MatchLabels is { Count: > 0 } wanted && wanted.All(pair => labels.TryGetValue(pair.Key, out string? value) && value == pair.Value);
}
