using k8s.Models;

namespace Spikeformer.Manifests;

// TLS: for all or for nobody, with files that are there.
internal static partial class ManifestRules
{
    private static readonly string[] s_siloTls = ["Spikeformer__Tls__Certificate", "Spikeformer__Tls__Key", "Spikeformer__Tls__Authority"];
    private static readonly string[] s_clientTls = ["SPIKEFORMER_TLS_CERTIFICATE", "SPIKEFORMER_TLS_KEY", "SPIKEFORMER_TLS_AUTHORITY"];

    private static IEnumerable<string> Tls(ManifestSet set)
    {
        (Pod Pod, V1Container Container)[] programs =
            [.. from pod in set.Pods from container in pod.Spec.Containers where container.Command?[0] is SiloProgram or ClientProgram select (pod, container)];
        if (!programs.Any(program => s_siloTls.Concat(s_clientTls).Any(Environment(set, program.Container).ContainsKey))) yield break;
        foreach ((Pod pod, V1Container container) in programs)
        {
            // People run the client in silos' containers too.
            foreach (string variable in container.Command[0] == SiloProgram ? s_siloTls.Concat(s_clientTls) : s_clientTls)
                if (!Environment(set, container).TryGetValue(variable, out string? file)) yield return $"{pod.Owner}: speaks no TLS where others do: {variable} is missing";
                else if (!IsSecretFile(pod, container, file)) yield return $"{pod.Owner}: {variable} = {file} is no file of a secret that is mounted there";
        }
    }

    private static bool IsSecretFile(Pod pod, V1Container container, string file) =>
        (from mount in container.VolumeMounts ?? []
         where mount.SubPath is null && mount.MountPath == Path.GetDirectoryName(file)
         join volume in pod.Spec.Volumes ?? [] on mount.Name equals volume.Name
         select s_secrets.Contains((volume.Secret?.SecretName ?? "", Path.GetFileName(file)))).Any(isThere => isThere);

    private static IEnumerable<string> SecretVolumes(Pod pod) =>
        from volume in pod.Spec.Volumes ?? []
        where volume.Secret is { } secret && !s_secrets.Any(known => known.Secret == secret.SecretName)
        select $"{pod.Owner}: no document tells of the secret {volume.Secret.SecretName}";
}
