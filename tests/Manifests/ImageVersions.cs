using System.Reflection;
using System.Text.RegularExpressions;

namespace Spikeformer.Manifests;

/// <summary>Finds tags of our images that differ from the version of the programs. A pure function of a text.</summary>
internal static partial class ImageVersions
{
    /// <summary>The version in <c>Directory.Build.props</c>, which every assembly carries.</summary>
    public static string Current { get; } =
        typeof(ImageVersions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>Whether a text names one of our images with a tag.</summary>
    public static bool IsIn(string text) => Image().IsMatch(text);

    /// <summary>The images in a text that carry another version.</summary>
    public static IEnumerable<string> Problems(string text) =>
        from Match image in Image().Matches(text)
        where image.Groups[1].Value != Current
        select $"the image {image.Value} is not of version {Current}";

    // A full stop that ends a sentence is no part of a tag.
    [GeneratedRegex(@"spikeformer-(?:cpu|cuda):([\w.-]*\w)")]
    private static partial Regex Image();
}
