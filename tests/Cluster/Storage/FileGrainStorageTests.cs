using System.Diagnostics;
using System.Globalization;
using Orleans.Storage;
using Spikeformer.Cluster.Silos;
using Spikeformer.Silo.Storage;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Cluster.Storage;

public sealed class FileGrainStorageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FileGrainStorage _storage;

    public FileGrainStorageTests() => _storage = Records.StorageIn(_folder.Path);

    public void Dispose() => _folder.Dispose();

    private string RecordFile => Records.FileIn(_folder.Path);

    private Task<GrainState<TallyRecord>> ReadAsync() => Records.ReadAsync(_storage);

    private Task WriteAsync(GrainState<TallyRecord> state) => _storage.WriteStateAsync(Records.State, Records.Grain, state);

    private Task ClearAsync(GrainState<TallyRecord> state) => _storage.ClearStateAsync(Records.State, Records.Grain, state);

    private async Task<GrainState<TallyRecord>> WrittenAsync(int count)
    {
        GrainState<TallyRecord> state = await ReadAsync();
        state.State = new() { Count = count };
        await WriteAsync(state);
        return state;
    }

    [Fact]
    public async Task A_record_is_written_read_cleared_and_created_again()
    {
        GrainState<TallyRecord> none = await ReadAsync();
        Assert.Equal((null, false, 0), (none.ETag, none.RecordExists, none.State!.Count));
        GrainState<TallyRecord> written = await WrittenAsync(3);
        GrainState<TallyRecord> read = await ReadAsync();
        Assert.Equal((written.ETag, true, 3), (read.ETag, read.RecordExists, read.State!.Count));
        await ClearAsync(read);
        Assert.Equal((null, false, 0), (read.ETag, read.RecordExists, read.State!.Count));
        Assert.False((await ReadAsync()).RecordExists);
        await WriteAsync(read);
        Assert.True((await ReadAsync()).RecordExists);
    }

    [Fact]
    public async Task A_record_is_readable_JSON_that_names_its_grain()
    {
        string etag = (await WrittenAsync(3)).ETag!;
        Assert.Equal(
            $$"""
            {
              "schemaVersion": 1,
              "grain": "tally/runs/1.0 \u00FC",
              "etag": "{{etag}}",
              "record": {
                "count": 3,
                "silos": []
              }
            }
            """, File.ReadAllText(RecordFile));
    }

    [Fact]
    public async Task An_activation_that_read_before_another_wrote_is_stale()
    {
        await WrittenAsync(1);
        GrainState<TallyRecord> stale = await ReadAsync();
        GrainState<TallyRecord> winner = await WrittenAsync(2);
        stale.State = new() { Count = 99 };
        var error = await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(stale));
        Assert.Equal((winner.ETag, stale.ETag), (error.StoredEtag, error.CurrentEtag));
        await Assert.ThrowsAsync<InconsistentStateException>(() => ClearAsync(stale));
        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(new() { State = new() }));
        Assert.Equal(2, (await ReadAsync()).State!.Count);
    }

    [Fact]
    public async Task An_activation_from_before_a_clearing_stays_stale_when_the_record_is_created_again()
    {
        GrainState<TallyRecord> old = await WrittenAsync(1);
        await ClearAsync(await ReadAsync());
        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(old));
        await WrittenAsync(1);
        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(old));
    }

    [Fact]
    public async Task No_addition_is_lost_between_two_processes()
    {
        const int Additions = 100;
        Process[] writers = [RecordWriter.Start(_folder.Path, Additions), RecordWriter.Start(_folder.Path, Additions)];
        try
        {
            int conflicts = 0;
            foreach (Process writer in writers)
            {
                conflicts += int.Parse(await writer.StandardOutput.ReadToEndAsync(), CultureInfo.InvariantCulture);
                Assert.True(writer.WaitForExit(TimeSpan.FromMinutes(3)));
                Assert.Equal(0, writer.ExitCode);
            }
            Assert.Equal(2 * Additions, (await ReadAsync()).State!.Count);
            Assert.True(conflicts > 0, "the writers never met");
        }
        finally
        {
            foreach (Process writer in writers)
            {
                writer.Kill();
                writer.Dispose();
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"schemaVersion":2,"grain":"x","etag":"1","record":{}}""")]
    [InlineData("""{"schemaVersion":1,"grain":"tally/other","etag":"1","record":{}}""")]
    [InlineData("""{"schemaVersion":1,"grain":"tally/runs/1.0 ü","etag":"","record":{}}""")]
    [InlineData("""{"schemaVersion":1,"grain":"tally/runs/1.0 ü","etag":"1"}""")]
    [InlineData("""{"schemaVersion":1,"grain":"tally/runs/1.0 ü","etag":"1","record":null}""")]
    [InlineData("""{"schemaVersion":1,"grain":"tally/runs/1.0 ü","etag":"1","record":{"count":"three"}}""")]
    public async Task A_damaged_file_is_an_error_that_names_it_and_never_an_empty_record(string content)
    {
        await WrittenAsync(1);
        File.WriteAllText(RecordFile, content);
        var error = await Assert.ThrowsAsync<SpikeformerException>(ReadAsync);
        Assert.Equal(ErrorKind.CheckFailed, error.Kind);
        Assert.StartsWith($"The grain record {RecordFile} is damaged: ", error.Message);
    }

    [Fact]
    public async Task A_damaged_file_is_not_overwritten()
    {
        await WrittenAsync(1);
        File.WriteAllText(RecordFile, "{");
        Assert.Equal(ErrorKind.CheckFailed, (await Assert.ThrowsAsync<SpikeformerException>(() => WriteAsync(new() { State = new() }))).Kind);
        Assert.Equal("{", File.ReadAllText(RecordFile));
    }

    [Fact]
    public async Task Temporary_files_of_killed_writers_are_removed_and_nothing_else_is()
    {
        await WrittenAsync(1);
        string leftover = Path.Combine(Path.GetDirectoryName(RecordFile)!, $".{Path.GetFileName(RecordFile)}.abcdefgh.ijk.tmp");
        File.WriteAllText(leftover, "half");
        await _storage.SweepAsync();
        Assert.Equal([RecordFile, RecordFile + ".lock"], Directory.GetFiles(Path.GetDirectoryName(RecordFile)!).Order());
        Assert.Equal(1, (await ReadAsync()).State!.Count);
    }

    [Fact]
    public async Task A_full_disk_is_named_as_the_error_and_the_old_record_stays()
    {
        using var disk = new SmallDisk();
        FileGrainStorage storage = Records.StorageIn(disk.Path);
        GrainState<TallyRecord> state = await Records.ReadAsync(storage);
        state.State = new() { Count = 1 };
        await storage.WriteStateAsync(Records.State, Records.Grain, state);
        string etag = state.ETag!;
        disk.Fill(leave: 8192);
        state.State = new() { Count = 2, Silos = [new string('x', 100_000)] };
        var error = await Assert.ThrowsAsync<SpikeformerException>(() => storage.WriteStateAsync(Records.State, Records.Grain, state));
        Assert.StartsWith($"Cannot write {Records.FileIn(disk.Path)}: the disk is full", error.Message);
        Assert.Equal((etag, 1), ((await Records.ReadAsync(storage)).ETag, (await Records.ReadAsync(storage)).State!.Count));
        disk.Free();
        await storage.WriteStateAsync(Records.State, Records.Grain, state);
        Assert.Equal(2, (await Records.ReadAsync(storage)).State!.Count);
    }
}
