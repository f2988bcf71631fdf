using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Manifests;

public sealed class ImageVersionTests
{
    /// <summary>The pages and build files that name an image of ours with its tag.</summary>
    public static TheoryData<string> Files { get; } =
    [
        .. Directory.EnumerateFiles(Path.Combine(TestData.RepositoryRoot, "docs"), "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(TestData.RepositoryRoot, file)).Order()
            .Append("README.md").Append("src/Silo/Dockerfile").Where(file => ImageVersions.IsIn(Read(file))),
    ];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_names_only_images_of_this_version(string file) => Assert.Empty(ImageVersions.Problems(Read(file)));

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_that_names_an_image_of_another_version_is_refused(string file) =>
        Assert.NotEmpty(ImageVersions.Problems(Read(file).Replace($":{ImageVersions.Current}", $":{ImageVersions.Current}-old", StringComparison.Ordinal)));

    [Fact]
    public void The_changelog_has_a_section_for_this_version() =>
        Assert.Contains($"\n## [{ImageVersions.Current}] - ", Read("CHANGELOG.md"), StringComparison.Ordinal);

    private static string Read(string file) => File.ReadAllText(Path.Combine(TestData.RepositoryRoot, file));
}
