using System.Text.RegularExpressions;
using k8s.Models;
using Spikeformer.Silo.Hosting;

namespace Spikeformer.Manifests;

// Pods: images, resources, security, probes, and what they name.
internal static partial class ManifestRules
{
    // Made by hand, since they are secrets (docs/operations.md).
    private static readonly (string Secret, string Key)[] s_secrets =
    [
        ("spikeformer-redis", "password"), ("spikeformer-object-store", "access-key-id"), ("spikeformer-object-store", "secret-access-key"),
        .. from secret in new[] { "spikeformer-tls", "spikeformer-client-tls" } from key in new[] { "tls.crt", "tls.key", "ca.crt" } select (secret, key),
    ];

    private static IEnumerable<string> PodProblems(Pod pod)
    {
        V1PodSpec spec = pod.Spec;
        if (spec.AutomountServiceAccountToken != false) yield return $"{pod.Owner}: mounts a token of its service account";
        if (spec.EnableServiceLinks != false) yield return $"{pod.Owner}: gets environment variables of services that it does not ask for";
        if (spec.SecurityContext is not { RunAsNonRoot: true, RunAsUser: > 0, SeccompProfile.Type: "RuntimeDefault" })
            yield return $"{pod.Owner}: must run as a user other than root, with the seccomp profile RuntimeDefault";
        foreach (V1Container container in spec.Containers)
        {
            string place = $"{pod.Owner}, container {container.Name}";
            string tag = container.Image.Split('/')[^1].Split(':') is [_, var named] ? named : "";
            if (tag is "" or "latest") yield return $"{place}: the image {container.Image} has no fixed tag";
            foreach (string problem in ImageVersions.Problems(container.Image)) yield return $"{place}: {problem}";
            if (container.SecurityContext is not
                { AllowPrivilegeEscalation: false, ReadOnlyRootFilesystem: true, Privileged: not true, Capabilities: { Add: null, Drop: ["ALL"] } })
                yield return $"{place}: needs a read-only root, no privilege escalation, no capabilities";
            if (container.Resources?.Requests is not { } requests || !requests.ContainsKey("cpu") || !requests.ContainsKey("memory"))
                yield return $"{place}: requests no CPU or no memory";
            if (container.Resources?.Limits?.ContainsKey("memory") != true) yield return $"{place}: has no limit on memory";
            if (container.Resources?.Limits?.ContainsKey("cpu") == true) yield return $"{place}: a limit on CPU reads as missed probes";
            foreach (string problem in pod.IsService ? Probes(container, place) : []) yield return problem;
        }
    }

    private static IEnumerable<string> Probes(V1Container container, string place)
    {
        bool isSilo = container.Command?[0] == SiloProgram;
        foreach ((string name, V1Probe? probe, string path) in new[]
        {
            ("startup", container.StartupProbe, HttpEndpoints.Startup), ("readiness", container.ReadinessProbe, HttpEndpoints.Ready),
            ("liveness", container.LivenessProbe, HttpEndpoints.Live),
        })
        {
            if (probe is null) yield return $"{place}: has no {name} probe";
            else if (isSilo && probe.HttpGet?.Path != path) yield return $"{place}: the {name} probe must ask {path}";
            else if ((probe.HttpGet?.Port ?? probe.TcpSocket?.Port) is { } port && !HasPort(container, $"{port}"))
                yield return $"{place}: the {name} probe asks port {port}, which it has not";
        }
    }

    /// <summary>What a pod names must be there, and be used.</summary>
    private static IEnumerable<string> References(ManifestSet set, Pod pod)
    {
        if (pod.Spec.ServiceAccountName is { } account && !set.Of<V1ServiceAccount>().Any(o => o.Name() == account))
            yield return $"{pod.Owner}: there is no service account {account}";
        string[] claims = [.. set.Of<V1PersistentVolumeClaim>().Select(o => o.Name())];
        string[] volumes =
        [
            .. (pod.Spec.Volumes ?? []).Select(volume => volume.Name),
            .. set.Of<V1StatefulSet>().Where(o => o.Spec.Template.Spec == pod.Spec).SelectMany(o => o.Spec.VolumeClaimTemplates).Select(claim => claim.Name()),
        ];
        foreach (string claim in (pod.Spec.Volumes ?? []).Select(volume => volume.PersistentVolumeClaim?.ClaimName).OfType<string>().Except(claims))
            yield return $"{pod.Owner}: there is no volume claim {claim}";
        string[] mounted = [.. pod.Spec.Containers.SelectMany(container => (container.VolumeMounts ?? []).Select(mount => mount.Name))];
        foreach (string mount in mounted.Except(volumes)) yield return $"{pod.Owner}: mounts {mount}, which is no volume of it";
        foreach (string volume in volumes.Except(mounted)) yield return $"{pod.Owner}: nothing mounts the volume {volume}";
        foreach (V1Container container in pod.Spec.Containers)
        {
            foreach (string map in (container.EnvFrom ?? []).Select(from => from.ConfigMapRef?.Name).OfType<string>())
                if (!set.Of<V1ConfigMap>().Any(o => o.Name() == map)) yield return $"{pod.Owner}: there is no ConfigMap {map}";
            var known = new HashSet<string>();
            foreach (V1EnvVar variable in container.Env ?? [])
            {
                if (variable.ValueFrom?.SecretKeyRef is { } secret && !s_secrets.Contains((secret.Name, secret.Key)))
                    yield return $"{pod.Owner}: no document tells of the secret {secret.Name}, key {secret.Key}";
                // Kubernetes leaves what it does not know as it is.
                foreach (Match match in Reference().Matches(variable.Value ?? ""))
                    if (!known.Contains(match.Groups[1].Value)) yield return $"{pod.Owner}: {variable.Name} needs {match.Groups[1].Value} before it";
                known.Add(variable.Name);
            }
        }
    }
}
