using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using Spikeformer.Files;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Files;

public sealed partial class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_written_and_replaced_atomically()
    {
        AtomicFile.WriteAllText(_folder["run.json"], "first, and longer");
        AtomicFile.WriteAllText(_folder["run.json"], "second");
        Assert.Equal("second", File.ReadAllText(_folder["run.json"]));
        Assert.Equal([_folder["run.json"]], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_writer_that_fails_leaves_the_old_file_and_nothing_else()
    {
        AtomicFile.WriteAllText(_folder["run.json"], "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(_folder["run.json"], stream =>
        {
            stream.Write(new byte[100_000]);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(_folder["run.json"]));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_reader_sees_the_old_file_until_the_new_one_is_whole()
    {
        AtomicFile.WriteAllText(_folder["run.json"], "old");
        AtomicFile.Write(_folder["run.json"], stream =>
        {
            stream.Write("new"u8);
            stream.Flush();
            Assert.Equal("old", File.ReadAllText(_folder["run.json"]));
        });
        Assert.Equal("new", File.ReadAllText(_folder["run.json"]));
    }

    /// <summary>The writer asks the system to drop the file's pages. The system keeps pages that are not on the disk yet.</summary>
    [Fact]
    public void A_renamed_file_is_on_the_disk()
    {
        const int bytes = 1 << 20;
        AtomicFile.WriteAllBytes(_folder["state"], new byte[bytes]);
        Assert.SkipWhen(PagesInMemory("/proc/self/exe", 4096) < 0, "needs mincore");
        Assert.SkipWhen(new DriveInfo(_folder.Path).DriveFormat is "tmpfs" or "ramfs", "needs a folder for temporary files that is on a disk");
        Assert.Equal(0, PagesInMemory(_folder["state"], bytes));
    }

    [Fact]
    public void Errors_name_the_path_and_its_cause()
    {
        var missing = Assert.Throws<SpikeformerException>(() => AtomicFile.WriteAllText(_folder["none/run.json"], "x"));
        Assert.Equal(ErrorKind.NotFound, missing.Kind);
        Assert.Contains(_folder["none/run.json"], missing.Message);
        Directory.CreateDirectory(_folder["folder"]);
        Assert.Contains(_folder["folder"], Assert.Throws<SpikeformerException>(() => AtomicFile.WriteAllText(_folder["folder"], "x")).Message);
        Assert.Equal([_folder["folder"]], Directory.GetFileSystemEntries(_folder.Path));
        File.WriteAllText(_folder["file"], "");
        Assert.Contains(_folder["file"], Assert.Throws<SpikeformerException>(() => AtomicFile.CreateDirectory(_folder["file"])).Message);
        var permission = StorageErrors.Explain(new IOException("Read-only file system", Posix.EROFS), "Cannot write x");
        Assert.Equal((ErrorKind.Usage, "Cannot write x: no permission (Read-only file system). Choose a folder that you may write to."),
            (permission.Kind, permission.Message));
    }

    [Fact]
    public void Only_leftovers_of_killed_writers_are_removed()
    {
        File.WriteAllText(_folder[".run.json.abc.tmp"], "half");
        File.WriteAllText(_folder["notes.tmp"], "mine");
        File.WriteAllText(_folder[".hidden"], "mine");
        Assert.Equal(1, AtomicFile.DeleteLeftovers(_folder.Path));
        Assert.Equal([_folder[".hidden"], _folder["notes.tmp"]], Directory.GetFileSystemEntries(_folder.Path).Order());
    }

    [Fact]
    public void A_directory_is_created_with_its_parents()
    {
        AtomicFile.CreateDirectory(_folder["a/b/c/"]);
        AtomicFile.CreateDirectory(_folder["a/b"]);
        Assert.True(Directory.Exists(_folder["a/b/c"]));
    }

    /// <summary>Returns the number of a file's pages in memory, or -1 if the system does not provide it.</summary>
    private static unsafe int PagesInMemory(string path, int bytes)
    {
        using var file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        using MemoryMappedViewAccessor view = file.CreateViewAccessor(0, bytes, MemoryMappedFileAccess.Read);
        byte* first = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref first);
        byte[] pages = new byte[(bytes + Environment.SystemPageSize - 1) / Environment.SystemPageSize];
        int error = mincore(first, (nuint)bytes, pages);
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        return error != 0 ? -1 : pages.Count(page => (page & 1) != 0);
    }

    [LibraryImport("libc")]
    private static unsafe partial int mincore(byte* first, nuint bytes, [Out] byte[] pages);
}
