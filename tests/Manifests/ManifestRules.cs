using System.Text.RegularExpressions;
using k8s.Models;
using Spikeformer.Silo.Hosting;
using YamlDotNet.Core;

namespace Spikeformer.Manifests;

/// <summary>What we ask of manifests. A pure function of their text.</summary>
internal static partial class ManifestRules
{
    private const string SiloProgram = "spikeformer-silo", ClientProgram = "spikeformer";

    /// <summary>All that is wrong with a set of manifests; nothing when it is fit to be applied.</summary>
    /// <param name="yaml">The rendered manifests.</param>
    public static IReadOnlyList<string> Problems(string yaml)
    {
        ManifestSet set;
        try
        {
            set = ManifestSet.Load(yaml);
        }
        catch (Exception error) when (error is YamlException or KeyNotFoundException or InvalidDataException)
        {
            return [(error.InnerException ?? error).Message];
        }
        string[] missing = [.. set.All.SelectMany(o => Schema.Problems(o, $"{o.Kind} {o.Name()}"))];
        if (missing.Length > 0) return missing;
        return
        [
            .. set.Pods.SelectMany(PodProblems), .. set.Pods.SelectMany(pod => References(set, pod)), .. set.Pods.SelectMany(pod => Program(set, pod)),
            .. set.Pods.SelectMany(SecretVolumes), .. Tls(set), .. Rollouts(set), .. Selectors(set), .. Ports(set), .. Names(set), .. Metrics(set),
        ];
    }

    private static IEnumerable<string> Rollouts(ManifestSet set)
    {
        foreach (V1Deployment deployment in set.Of<V1Deployment>())
        {
            string place = $"Deployment {deployment.Name()}";
            if ($"{deployment.Spec.Strategy?.RollingUpdate?.MaxSurge}" != "0")
                yield return $"{place}: maxSurge must be 0, there is no spare device for one silo more";
            if ($"{deployment.Spec.Strategy?.RollingUpdate?.MaxUnavailable}" != "1") yield return $"{place}: maxUnavailable must be 1";
            long grace = deployment.Spec.Template.Spec.TerminationGracePeriodSeconds ?? 30;
            if (grace < OrleansSettings.Shutdown.TotalSeconds + 15)
                yield return $"{place}: a silo may take {OrleansSettings.Shutdown.TotalSeconds} s to leave, and is given {grace} s";
            if (!set.Of<V1PodDisruptionBudget>().Any(budget => Selects(budget.Spec.Selector, deployment.Spec.Template.Metadata.Labels)))
                yield return $"{place}: no PodDisruptionBudget covers it";
        }
    }

    private static IEnumerable<string> Names(ManifestSet set)
    {
        foreach (IGrouping<string, object> twins in set.All.GroupBy(o => $"{o.Kind} {o.Name()}"))
            if (twins.Count() > 1) yield return $"{twins.Key} is there twice";
        if (set.All.Select(o => o.Namespace()).Distinct().Count() != 1) yield return "not everything is in one namespace";
        foreach (V1Secret secret in set.Of<V1Secret>()) yield return $"Secret {secret.Name()}: secrets do not belong into manifests";
    }

    private static IEnumerable<string> Metrics(ManifestSet set) =>
        from AlertRule rule in set.Of<PrometheusRule>().SelectMany(o => o.Spec.Groups).SelectMany(rules => rules.Rules)
        from string metric in Query.Metrics(rule.Expr)
        where !MetricCatalogue.Names.Contains(metric)
        select $"Alert {rule.Alert}: there is no metric {metric}";

    private static bool HasPort(V1Container container, string port) => (container.Ports ?? []).Any(p => p.Name == port || $"{p.ContainerPort}" == port);

    [GeneratedRegex(@"\$\(([A-Za-z_0-9]+)\)")]
    private static partial Regex Reference();
}
