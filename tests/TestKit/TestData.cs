using Xunit;

namespace Spikeformer.TestKit;

/// <summary>Where tests find their files.</summary>
public static class TestData
{
    /// <summary>The repository: the nearest folder above the test that holds Spikeformer.sln.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>A folder of the real data pack, below <c>SPIKEFORMER_TEST_DATA</c> or else <c>../shared/data</c> beside the repository.
    /// Skips the calling test, by name, where there is none.</summary>
    public static string Folder(string sub)
    {
        string? chosen = Environment.GetEnvironmentVariable("SPIKEFORMER_TEST_DATA");
        string pack = string.IsNullOrEmpty(chosen) ? Path.Combine(RepositoryRoot, "..", "shared", "data") : chosen;
        string folder = Path.GetFullPath(Path.Combine(pack, sub));
        Assert.SkipUnless(Directory.Exists(folder), $"needs real data at {folder}; set SPIKEFORMER_TEST_DATA to the data pack");
        return folder;
    }

    /// <summary>A program where its project builds it, in the configuration of the tests.</summary>
    /// <param name="project">Folder of the project below the repository.</param>
    /// <param name="file">Its assembly.</param>
    public static string Program(string project, string file)
    {
        // tests/X/bin/Release/net10.0/linux-x64: what follows the project's folder is the same for all.
        string output = string.Join('/', AppContext.BaseDirectory.TrimEnd('/').Split('/')[^4..]);
        return Path.Combine(RepositoryRoot, project, output, file);
    }

    /// <summary>Whether tests that take minutes run: <c>SPIKEFORMER_LONG=1</c>, or 2 for all that they could try.</summary>
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("SPIKEFORMER_LONG") is "1" or "2";

    /// <summary>Whether long tests try everything: <c>SPIKEFORMER_LONG=2</c>.</summary>
    public static bool IsExhaustive { get; } = Environment.GetEnvironmentVariable("SPIKEFORMER_LONG") == "2";

    /// <summary>Skips the calling test, by name, where long tests do not run.</summary>
    public static void RequireLong() => Assert.SkipUnless(IsLong, "a long test: set SPIKEFORMER_LONG=1");

    /// <summary>The same for one that CI, too, has no time for, since others show nearly the same.</summary>
    public static void RequireExhaustive() => Assert.SkipUnless(IsExhaustive, "a very long test: set SPIKEFORMER_LONG=2");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Spikeformer.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException($"No Spikeformer.sln above {AppContext.BaseDirectory}.");
    }
}
