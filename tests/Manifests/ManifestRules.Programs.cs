using k8s.Models;
using Microsoft.Extensions.Configuration;
using Spikeformer.Cli.Shell;
using Spikeformer.Clustering;
using Spikeformer.Silo.Devices;
using Spikeformer.Silo.Settings;

namespace Spikeformer.Manifests;

// Programs: what their settings and command lines say.
internal static partial class ManifestRules
{
    private const string Nowhere = "nowhere:0";

    /// <summary>Settings and command lines are read by the code that will read them.</summary>
    private static IEnumerable<string> Program(ManifestSet set, Pod pod)
    {
        foreach (V1Container container in pod.Spec.Containers)
        {
            string place = $"{pod.Owner}, container {container.Name}";
            if (container.Command is [SiloProgram, "run"])
            {
                SiloSettings? settings = null;
                string refusal = "";
                try
                {
                    IEnumerable<KeyValuePair<string, string?>> variables =
                        Environment(set, container).Select(variable => KeyValuePair.Create(variable.Key.Replace("__", ":"), (string?)variable.Value));
                    settings = SiloSettingsReader.Read(new ConfigurationBuilder().AddInMemoryCollection(variables).Build());
                }
                catch (SpikeformerException error)
                {
                    refusal = error.Message;
                }
                if (settings is null) yield return $"{place}: {refusal}";
                else
                    foreach (string problem in SiloProblems(settings, container, pod).Concat(ObjectStoreProblems(set, settings, container, pod))) yield return $"{place}: {problem}";
            }
            else if (container.Command?[0] == ClientProgram)
            {
                var error = new StringWriter();
                using var interruption = new Interruption();
                // A command line that is right is refused for its last word only, which no cluster can have.
                string[] arguments = [.. container.Command.Skip(1), "--cluster", Nowhere];
                Cli.CommandLine.RunAsync(arguments, TextWriter.Null, error, interruption).GetAwaiter().GetResult();
                if (!error.ToString().StartsWith($"The cluster address '{Nowhere}'", StringComparison.Ordinal)) yield return $"{place}: {error}";
                string gateways = Environment(set, container).GetValueOrDefault("SPIKEFORMER_CLUSTER", "");
                foreach (System.Net.DnsEndPoint gateway in ClusterAddress.Parse(gateways.Length > 0 ? gateways : "none:1").Gateways)
                    if (!set.Of<V1Service>().Any(o => o.Name() == gateway.Host && o.Spec.Ports.Any(port => port.Port == gateway.Port)))
                        yield return $"{place}: there is no service {gateway.Host} with port {gateway.Port}";
            }
        }
    }

    private static IEnumerable<string> SiloProblems(SiloSettings settings, V1Container container, Pod pod)
    {
        if (settings.Redis is null) yield return "several silos need Redis";
        if (settings.SiloName != "pod-name" || !settings.AdvertisedAddress.Equals(System.Net.IPAddress.Parse("10.0.0.7")))
            yield return "the silo's name and address must be the pod's";
        foreach ((string name, int port) in new[] { ("silo", settings.SiloPort), ("gateway", settings.GatewayPort), ("http", settings.HttpPort) })
            if (PortOf(container, name) != port) yield return $"the port {name} is not {port}, where the silo listens";
        bool isNode = settings.Roles.HasFlag(SiloRoles.Node);
        if (isNode && PortOf(container, "data") != settings.DataPort) yield return $"the port data is not {settings.DataPort}, where workers listen";
        string[] writable = [.. (container.VolumeMounts ?? []).Where(mount => mount.ReadOnlyProperty != true).Select(mount => mount.MountPath)];
        if (!writable.Contains(settings.StateDirectory)) yield return $"{settings.StateDirectory} is not writable";
        bool hasGpu = container.Resources?.Limits?.ContainsKey("nvidia.com/gpu") == true;
        if (isNode && settings.Devices.Parts.Any(part => part.Kind == DeviceKind.Cuda) != hasGpu)
            yield return $"the devices '{settings.Devices}' and the limit nvidia.com/gpu do not fit";
        if (hasGpu && pod.Spec.Tolerations?.Any(toleration => toleration.Key == "nvidia.com/gpu") != true)
            yield return "it does not tolerate the taint of GPU machines";
    }

    private static Dictionary<string, string> Environment(ManifestSet set, V1Container container)
    {
        var variables = new Dictionary<string, string>();
        foreach (string map in (container.EnvFrom ?? []).Select(from => from.ConfigMapRef.Name))
            foreach ((string key, string value) in set.Of<V1ConfigMap>().FirstOrDefault(o => o.Name() == map)?.Data ?? new Dictionary<string, string>())
                variables[key] = value;
        foreach (V1EnvVar variable in container.Env ?? [])
            variables[variable.Name] = variable.ValueFrom switch
            {
                { FieldRef.FieldPath: "metadata.name" } => "pod-name",
                { FieldRef.FieldPath: "status.podIP" } => "10.0.0.7",
                not null => "secret",
                null => Reference().Replace(variable.Value, match => variables.GetValueOrDefault(match.Groups[1].Value, match.Value)),
            };
        return variables;
    }

    private static int? PortOf(V1Container container, string name) => (container.Ports ?? []).FirstOrDefault(port => port.Name == name)?.ContainerPort;
}
