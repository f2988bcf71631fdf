using System.Collections.Concurrent;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Manifests;

/// <summary>Manifests as a cluster would get them: rendered by <c>kubectl kustomize</c>.</summary>
internal static class Rendered
{
    private static readonly ConcurrentDictionary<string, string> s_rendered = new();

    /// <summary>The overlays.</summary>
    public static IReadOnlyList<string> Overlays { get; } = ["dev", "gpu", "prod"];

    /// <summary>The folder of the manifests.</summary>
    public static string Folder { get; } = Path.Combine(TestData.RepositoryRoot, "k8s");

    /// <summary>An overlay and the example Job, which has its place in every one of them: with a certificate where silos demand one.</summary>
    public static string Overlay(string name) => $"{Kustomize($"overlays/{name}")}---\n{Kustomize(name == "prod" ? "examples/train-tls" : "examples/train")}";

    private static string Kustomize(string folder) => s_rendered.GetOrAdd(folder, _ =>
    {
        (int exitCode, string output, string error) = Tool.Run("kubectl", "kustomize", Path.Combine(Folder, folder));
        Assert.True(exitCode == 0, error);
        return output;
    });
}
