using Spikeformer.Runs;

namespace Spikeformer.TestKit;

/// <summary>A run that an earlier version of the program stopped in the middle of an epoch. The README beside its files describes how it was
/// made.</summary>
public static class EarlierRun
{
    /// <summary>The step of its checkpoint.</summary>
    public const long Step = 13;

    private static readonly string s_files = Path.Combine(TestData.RepositoryRoot, "tests/Model.Tests/Checkpoints/Fixtures/EarlierRun");

    /// <summary>Copies the run directory, because the committed one must not change.</summary>
    /// <param name="folder">Path of the copy; must not exist.</param>
    public static RunDirectory CopyTo(string folder)
    {
        foreach (string file in Directory.GetFiles(s_files, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(folder, Path.GetRelativePath(s_files, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        return new(folder);
    }
}
