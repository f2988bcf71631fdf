using System.Diagnostics;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>A real disk of 8 MB that can be filled up; unmounted when the test ends. Skips the test, by name, where none may be mounted.</summary>
public sealed class SmallDisk : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Mounts the disk.</summary>
    public SmallDisk()
    {
        Path = _folder["disk"];
        Directory.CreateDirectory(Path);
        if (Run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", Path)) return;
        _folder.Dispose();
        Assert.Skip("needs the right to mount a tmpfs (root)");
    }

    /// <summary>Its root folder.</summary>
    public string Path { get; }

    /// <summary>Leaves so many bytes free.</summary>
    public void Fill(int leave)
    {
        long free = new DriveInfo(Path).AvailableFreeSpace;
        File.WriteAllBytes(Ballast, new byte[free - leave]);
    }

    /// <summary>Undoes <see cref="Fill"/>.</summary>
    public void Free() => File.Delete(Ballast);

    /// <summary>Unmounts the disk.</summary>
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
