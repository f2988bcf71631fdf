using System.Text.Json.Serialization;
using k8s;
using k8s.Models;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Spikeformer.Manifests;

/// <summary>A pod as one of the workloads makes it.</summary>
/// <param name="Owner">Kind and name of the workload.</param>
/// <param name="Labels">Labels of the pod.</param>
/// <param name="Spec">What it runs.</param>
/// <param name="IsService">Whether it is to run for ever.</param>
internal sealed record Pod(string Owner, IDictionary<string, string> Labels, V1PodSpec Spec, bool IsService);

/// <summary>The objects of a set of manifests.</summary>
internal sealed class ManifestSet
{
    private static readonly Dictionary<string, Type> s_types = new()
    {
        ["monitoring.coreos.com/v1/PodMonitor"] = typeof(PodMonitor),
        ["monitoring.coreos.com/v1/PrometheusRule"] = typeof(PrometheusRule),
    };

    private ManifestSet(IReadOnlyList<IKubernetesObject<V1ObjectMeta>> all) => All = all;

    /// <summary>All objects.</summary>
    public IReadOnlyList<IKubernetesObject<V1ObjectMeta>> All { get; }

    /// <summary>The pods of all workloads.</summary>
    public IEnumerable<Pod> Pods =>
    [
        .. Of<V1Deployment>().Select(o => new Pod($"Deployment {o.Name()}", o.Spec.Template.Metadata.Labels, o.Spec.Template.Spec, true)),
        .. Of<V1StatefulSet>().Select(o => new Pod($"StatefulSet {o.Name()}", o.Spec.Template.Metadata.Labels, o.Spec.Template.Spec, true)),
        .. Of<V1Job>().Select(o => new Pod($"Job {o.Name()}", o.Spec.Template.Metadata.Labels, o.Spec.Template.Spec, false)),
    ];

    /// <summary>The objects of one kind.</summary>
    public IEnumerable<T> Of<T>() => All.OfType<T>();

    /// <summary>Reads YAML strictly: duplicate and unknown keys, unknown kinds and wrong types are refused.</summary>
    /// <exception cref="YamlException">It is no such YAML.</exception>
    /// <exception cref="KeyNotFoundException">It has an unknown kind.</exception>
    /// <exception cref="InvalidDataException">It has an object without a name.</exception>
    public static ManifestSet Load(string yaml)
    {
        // The loader of the client library takes the last of two equal keys; this one refuses them.
        new YamlStream().Load(new StringReader(yaml));
        return new([.. KubernetesYaml.LoadAllFromString(yaml, s_types, strict: true).Select(o => o as IKubernetesObject<V1ObjectMeta>
            ?? throw new InvalidDataException($"{o.GetType().Name} is no object with a name"))]);
    }
}

/// <summary>Part of the Prometheus operator's kind: which pods it scrapes.</summary>
internal sealed class PodMonitor : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "";
    public string Kind { get; set; } = "";
    public V1ObjectMeta Metadata { get; set; } = new();
    public required PodMonitorSpec Spec { get; set; }
}

/// <summary>Its specification.</summary>
internal sealed class PodMonitorSpec
{
    public string? JobLabel { get; set; }
    public V1LabelSelector? Selector { get; set; }
    public List<PodMetricsEndpoint> PodMetricsEndpoints { get; set; } = [];
}

/// <summary>A port and path to scrape.</summary>
internal sealed class PodMetricsEndpoint
{
    public string? Port { get; set; }
    public string? Path { get; set; }
    public string? Interval { get; set; }
}

/// <summary>Part of the Prometheus operator's kind: rules.</summary>
internal sealed class PrometheusRule : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "";
    public string Kind { get; set; } = "";
    public V1ObjectMeta Metadata { get; set; } = new();
    public required PrometheusRuleSpec Spec { get; set; }
}

/// <summary>Its specification: the content of a rules file.</summary>
internal sealed class PrometheusRuleSpec
{
    public List<RuleGroup> Groups { get; set; } = [];
}

/// <summary>A group of rules.</summary>
internal sealed class RuleGroup
{
    public string? Name { get; set; }
    public List<AlertRule> Rules { get; set; } = [];
}

/// <summary>An alert.</summary>
internal sealed class AlertRule
{
    public string Alert { get; set; } = "";
    public string Expr { get; set; } = "";
    [JsonPropertyName("for")]
    public string? For { get; set; }
    public Dictionary<string, string> Labels { get; set; } = [];
    public Dictionary<string, string> Annotations { get; set; } = [];
}
