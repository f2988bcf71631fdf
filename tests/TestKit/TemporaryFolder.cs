using System.Diagnostics;

namespace Spikeformer.TestKit;

/// <summary>A new folder for one test, deleted with its content on disposal.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10), s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>The folder's full path.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("spikeformer-test-").FullName;

    /// <summary>A path inside the folder.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Deletes the folder.</summary>
    public void Dispose()
    {
        // A process of the test that is still ending may create a file in the folder.
        for (long began = Stopwatch.GetTimestamp(); ; Thread.Sleep(s_pause))
        {
            try
            {
                Directory.Delete(Path, recursive: true);
                return;
            }
            catch (IOException) when (Directory.Exists(Path) && Stopwatch.GetElapsedTime(began) < s_patience)
            {
            }
        }
    }
}
