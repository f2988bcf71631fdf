using System.Collections;
using System.Reflection;
using k8s.Models;

namespace Spikeformer.Manifests;

/// <summary>What the Kubernetes API requires and the client library's types do not: fields that must be there, and words that must be of a list.
/// Source: the OpenAPI document of Kubernetes, for the kinds that are used here.</summary>
internal static class Schema
{
    private static readonly Dictionary<Type, string[]> s_required = new()
    {
        [typeof(V1Deployment)] = ["Spec"], [typeof(V1StatefulSet)] = ["Spec"], [typeof(V1Job)] = ["Spec"], [typeof(V1Service)] = ["Spec"],
        [typeof(V1PersistentVolumeClaim)] = ["Spec"], [typeof(V1PersistentVolumeClaimSpec)] = ["AccessModes", "Resources"],
        [typeof(V1VolumeResourceRequirements)] = ["Requests"], [typeof(V1PodDisruptionBudgetSpec)] = ["Selector"],
        [typeof(V1DeploymentSpec)] = ["Selector", "Template"], [typeof(V1StatefulSetSpec)] = ["Selector", "Template", "ServiceName"],
        [typeof(V1JobSpec)] = ["Template"], [typeof(V1PodTemplateSpec)] = ["Metadata", "Spec"], [typeof(V1PodSpec)] = ["Containers"],
        [typeof(V1Container)] = ["Name", "Image"], [typeof(V1ContainerPort)] = ["ContainerPort", "Name"], [typeof(V1EnvVar)] = ["Name"],
        [typeof(V1ObjectFieldSelector)] = ["FieldPath"], [typeof(V1SecretKeySelector)] = ["Name", "Key"], [typeof(V1ConfigMapEnvSource)] = ["Name"],
        [typeof(V1HTTPGetAction)] = ["Port", "Path"], [typeof(V1TCPSocketAction)] = ["Port"], [typeof(V1ExecAction)] = ["Command"],
        [typeof(V1Volume)] = ["Name"], [typeof(V1VolumeMount)] = ["Name", "MountPath"], [typeof(V1PersistentVolumeClaimVolumeSource)] = ["ClaimName"],
        [typeof(V1TopologySpreadConstraint)] = ["MaxSkew", "TopologyKey", "WhenUnsatisfiable"], [typeof(V1ServicePort)] = ["Port"],
        [typeof(V1NetworkPolicySpec)] = ["PodSelector", "PolicyTypes"], [typeof(V1NetworkPolicyPort)] = ["Port"],
    };

    private static readonly Dictionary<string, string[]> s_words = new()
    {
        ["V1PersistentVolumeClaimSpec.AccessModes"] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"],
        ["V1NetworkPolicySpec.PolicyTypes"] = ["Ingress", "Egress"], ["V1NetworkPolicyPort.Protocol"] = ["TCP", "UDP", "SCTP"],
        ["V1Toleration.Operator"] = ["Exists", "Equal"], ["V1Toleration.Effect"] = ["NoSchedule", "PreferNoSchedule", "NoExecute"],
        ["V1TopologySpreadConstraint.WhenUnsatisfiable"] = ["DoNotSchedule", "ScheduleAnyway"],
        ["V1PodSpec.RestartPolicy"] = ["Always", "OnFailure", "Never"],
        ["V1DeploymentStrategy.Type"] = ["RollingUpdate", "Recreate"], ["V1SeccompProfile.Type"] = ["RuntimeDefault", "Localhost", "Unconfined"],
        ["V1PodSecurityContext.FsGroupChangePolicy"] = ["OnRootMismatch", "Always"],
    };

    /// <summary>What is missing or no word of its list, with its place.</summary>
    public static IEnumerable<string> Problems(object value, string place)
    {
        Type type = value.GetType();
        foreach (string name in s_required.GetValueOrDefault(type, []))
            if (type.GetProperty(name)!.GetValue(value) is null or 0 or "" or ICollection { Count: 0 }) yield return $"{place}: {name} is missing";
        foreach (PropertyInfo property in type.GetProperties().Where(p => p.GetIndexParameters().Length == 0))
        {
            object? child = property.GetValue(value);
            string at = $"{place}.{property.Name}";
            if (s_words.TryGetValue($"{type.Name}.{property.Name}", out string[]? words))
                foreach (string word in child as IEnumerable<string> ?? (child is string one ? [one] : []))
                    if (!words.Contains(word)) yield return $"{at}: '{word}' is none of {string.Join(", ", words)}";
            IEnumerable children = child is IEnumerable list and not string ? list : new[] { child };
            foreach (object? item in children)
                if (item?.GetType() is { } of && of.Namespace == typeof(V1Pod).Namespace && of.Name.StartsWith('V'))
                    foreach (string problem in Problems(item, at)) yield return problem;
        }
    }
}
