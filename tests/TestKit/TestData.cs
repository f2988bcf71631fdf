using Xunit;

namespace Spikeformer.TestKit;

/// <summary>The files that tests use.</summary>
public static class TestData
{
    /// <summary>The root of the repository: the nearest folder above the test that contains Spikeformer.sln.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>Returns a folder of the real data pack in <c>SPIKEFORMER_TEST_DATA</c>, or in <c>../shared/data</c> beside the repository. Skips
    /// the calling test, with a reason, if the folder does not exist.</summary>
    public static string Folder(string sub)
    {
        string? chosen = Environment.GetEnvironmentVariable("SPIKEFORMER_TEST_DATA");
        string pack = string.IsNullOrEmpty(chosen) ? Path.Combine(RepositoryRoot, "..", "shared", "data") : chosen;
        string folder = Path.GetFullPath(Path.Combine(pack, sub));
        Assert.SkipUnless(Directory.Exists(folder), $"needs real data at {folder}; set SPIKEFORMER_TEST_DATA to the data pack");
        return folder;
    }

    /// <summary>Returns the path of a program in its project's output folder, in the configuration of the tests.</summary>
    /// <param name="project">Folder of the project, relative to the repository.</param>
    /// <param name="file">File name of the program.</param>
    public static string Program(string project, string file)
    {
        // In tests/X/bin/Release/net10.0/linux-x64, the part after the project's folder is the same for all projects.
        string output = string.Join('/', AppContext.BaseDirectory.TrimEnd('/').Split('/')[^4..]);
        return Path.Combine(RepositoryRoot, project, output, file);
    }

    /// <summary>Whether tests that take minutes run: <c>SPIKEFORMER_LONG=1</c>, or 2 to run them exhaustively.</summary>
    public static bool IsLong { get; } = Environment.GetEnvironmentVariable("SPIKEFORMER_LONG") is "1" or "2";

    /// <summary>Whether long tests run exhaustively: <c>SPIKEFORMER_LONG=2</c>.</summary>
    public static bool IsExhaustive { get; } = Environment.GetEnvironmentVariable("SPIKEFORMER_LONG") == "2";

    /// <summary>Skips the calling test, with a reason, if long tests are off.</summary>
    public static void RequireLong() => Assert.SkipUnless(IsLong, "long test: set SPIKEFORMER_LONG=1 to run it");

    /// <summary>Skips the calling test, with a reason, unless exhaustive tests are on. CI has no time for these tests, and shorter ones show nearly
    /// the same.</summary>
    public static void RequireExhaustive() => Assert.SkipUnless(IsExhaustive, "very long test: set SPIKEFORMER_LONG=2 to run it");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Spikeformer.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException($"No Spikeformer.sln above {AppContext.BaseDirectory}.");
    }
}
