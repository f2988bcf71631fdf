using Spikeformer.Checkpoints;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Checkpoints;

public sealed class RunLockTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_second_owner_is_refused_with_the_process_id_of_the_first()
    {
        string run = _folder["runs/a"];
        using (RunLock.Acquire(run))
        {
            var error = Assert.Throws<SpikeformerException>(() => RunLock.Acquire(run));
            Assert.Equal(ErrorKind.Conflict, error.Kind);
            Assert.StartsWith($"The run directory {run} is in use by process {Environment.ProcessId}.", error.Message);
        }
        RunLock.Acquire(run).Dispose();
    }

    [Fact]
    public void An_owner_says_which_start_of_the_run_it_serves()
    {
        var start = Guid.Parse("5cf1d6e3-5c0e-4f6e-9b9c-0a4ad1a5a001");
        using RunLock held = RunLock.TryAcquire(_folder.Path, start, out _)!;
        Assert.Null(RunLock.TryAcquire(_folder.Path, Guid.Empty, out DirectoryOwner owner));
        Assert.Equal(new DirectoryOwner($"process {Environment.ProcessId}", start), owner);
    }

    [Fact]
    public void Another_process_holds_the_lock_until_it_is_killed()
    {
        using var owner = ChildProcess.Start("hold-lock", _folder.Path);
        try
        {
            Assert.Equal("held", owner.StandardOutput.ReadLine());
            var error = Assert.Throws<SpikeformerException>(() => RunLock.Acquire(_folder.Path));
            Assert.Contains($"process {owner.Id}.", error.Message);
        }
        finally
        {
            owner.Kill();
            owner.WaitForExit();
        }
        RunLock.Acquire(_folder.Path).Dispose();
    }

    [Fact]
    public void A_child_of_the_owner_does_not_inherit_the_lock()
    {
        using var sleeper = new System.Diagnostics.Process { StartInfo = new("cat") { RedirectStandardInput = true } };
        using (RunLock.Acquire(_folder.Path)) sleeper.Start();
        try
        {
            RunLock.Acquire(_folder.Path).Dispose();
        }
        finally
        {
            sleeper.StandardInput.Close();
            sleeper.WaitForExit();
        }
    }

    [Fact]
    public void A_file_in_the_directorys_place_is_an_error_with_its_path()
    {
        File.WriteAllText(_folder["run"], "");
        Assert.Contains(_folder["run"], Assert.Throws<SpikeformerException>(() => RunLock.Acquire(_folder["run"])).Message);
    }
}
