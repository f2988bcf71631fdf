using System.Diagnostics;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>A small file system of 8 MB that a test can fill. It is unmounted on disposal. Skips the test, with a reason, if mounting is not
/// allowed.</summary>
public sealed class SmallDisk : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Mounts the file system.</summary>
    public SmallDisk()
    {
        Path = _folder["disk"];
        Directory.CreateDirectory(Path);
        if (Run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", Path)) return;
        _folder.Dispose();
        Assert.Skip("needs permission to mount a tmpfs (root)");
    }

    /// <summary>The root folder.</summary>
    public string Path { get; }

    /// <summary>Fills the disk, leaving a number of bytes free.</summary>
    public void Fill(int leave)
    {
        long free = new DriveInfo(Path).AvailableFreeSpace;
        File.WriteAllBytes(Ballast, new byte[free - leave]);
    }

    /// <summary>Reverses <see cref="Fill"/>.</summary>
    public void Free() => File.Delete(Ballast);

    /// <summary>Unmounts the file system.</summary>
    public void Dispose()
    {
        Run("umount", Path);
        _folder.Dispose();
    }

    private string Ballast => System.IO.Path.Combine(Path, "ballast");

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
