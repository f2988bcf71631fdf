using System.Net;
using Orleans.Messaging;
using Spikeformer.Clustering;
using Spikeformer.Files;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Grains.Tests.Clustering;

public sealed class FileMembershipTableTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<FileMembershipTable> _tables = [];

    public void Dispose()
    {
        _tables.ForEach(table => table.Dispose());
        _folder.Dispose();
    }

    private string TableFile => _folder[FileMembershipTable.FileName];

    private async Task<IMembershipTable> OpenAsync(string cluster = "c")
    {
        var table = new FileMembershipTable(_folder.Path, cluster, TimeProvider.System);
        _tables.Add(table);
        await ((IMembershipTable)table).InitializeMembershipTableAsync(true, default);
        return table;
    }

    private static MembershipEntry Silo(int port, SiloStatus status = SiloStatus.Active, int gateway = 0) => new()
    {
        SiloAddress = SiloAddress.New(IPAddress.Loopback, port, 7),
        Status = status,
        SiloName = $"silo-{port}",
        HostName = "host",
        ProxyPort = gateway,
        StartTime = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(1),
        IAmAliveTime = new DateTime(2026, 1, 2, 3, 4, 6, DateTimeKind.Utc).AddTicks(2),
        SuspectTimes = [],
    };

    private static async Task<bool> InsertAsync(IMembershipTable table, MembershipEntry entry) =>
        await table.InsertRowAsync(entry, (await table.ReadAllAsync(default)).Version.Next(), default);

    private static async Task<bool> UpdateAsync(IMembershipTable table, MembershipEntry entry)
    {
        MembershipTableData data = await table.ReadRowAsync(entry.SiloAddress, default);
        return await table.UpdateRowAsync(entry, data.Members[0].Item2, data.Version.Next(), default);
    }

    [Fact]
    public async Task A_row_is_read_back_as_it_was_written()
    {
        IMembershipTable table = await OpenAsync();
        Assert.Equal((0, 0), ((await table.ReadAllAsync(default)).Version.Version, (await table.ReadAllAsync(default)).Members.Count));
        MembershipEntry written = Silo(1, gateway: 30000);
        written.SuspectTimes = [Tuple.Create(SiloAddress.New(IPAddress.IPv6Loopback, 5, 6), written.StartTime)];
        Assert.True(await InsertAsync(table, written));
        MembershipTableData data = await table.ReadAllAsync(default);
        MembershipEntry read = Assert.Single(data.Members).Item1;
        Assert.Equal(1, data.Version.Version);
        Assert.Equal((written.SiloAddress, written.Status, written.SiloName, written.HostName, written.ProxyPort, written.StartTime, written.IAmAliveTime),
            (read.SiloAddress, read.Status, read.SiloName, read.HostName, read.ProxyPort, read.StartTime, read.IAmAliveTime));
        Assert.Equal(written.SuspectTimes, read.SuspectTimes);
        Assert.Equal(DateTimeKind.Utc, read.StartTime.Kind);
    }

    [Fact]
    public async Task A_row_is_inserted_once()
    {
        IMembershipTable table = await OpenAsync();
        Assert.True(await InsertAsync(table, Silo(1)));
        Assert.False(await InsertAsync(table, Silo(1, SiloStatus.Dead)));
        Assert.Equal(SiloStatus.Active, (await table.ReadRowAsync(Silo(1).SiloAddress, default)).Members[0].Item1.Status);
    }

    [Fact]
    public async Task A_missing_row_is_neither_read_nor_updated()
    {
        IMembershipTable table = await OpenAsync();
        Assert.Empty((await table.ReadRowAsync(Silo(1).SiloAddress, default)).Members);
        Assert.False(await table.UpdateRowAsync(Silo(1), "0", (await table.ReadAllAsync(default)).Version.Next(), default));
        Assert.Equal(ErrorKind.NotFound, (await Assert.ThrowsAsync<SpikeformerException>(() => table.UpdateIAmAliveAsync(Silo(1), default))).Kind);
    }

    [Fact]
    public async Task A_change_from_a_stale_table_version_is_refused()
    {
        IMembershipTable table = await OpenAsync();
        TableVersion old = (await table.ReadAllAsync(default)).Version.Next();
        Assert.True(await table.InsertRowAsync(Silo(1), old, default));
        Assert.False(await table.InsertRowAsync(Silo(2), old, default));
        string etag = (await table.ReadAllAsync(default)).Members[0].Item2;
        Assert.False(await table.UpdateRowAsync(Silo(1, SiloStatus.Dead), etag, old, default));
        Assert.Single((await table.ReadAllAsync(default)).Members);
    }

    [Fact]
    public async Task A_change_from_a_stale_row_is_refused_even_with_the_newest_table_version()
    {
        IMembershipTable table = await OpenAsync();
        await InsertAsync(table, Silo(1));
        string stale = (await table.ReadAllAsync(default)).Members[0].Item2;
        Assert.True(await UpdateAsync(table, Silo(1, SiloStatus.ShuttingDown)));
        Assert.False(await table.UpdateRowAsync(Silo(1), stale, (await table.ReadAllAsync(default)).Version.Next(), default));
        Assert.Equal(SiloStatus.ShuttingDown, (await table.ReadAllAsync(default)).Members[0].Item1.Status);
    }

    [Fact]
    public async Task A_sign_of_life_changes_neither_version_nor_ETag_nor_the_rest_of_the_row()
    {
        IMembershipTable table = await OpenAsync();
        await InsertAsync(table, Silo(1));
        await InsertAsync(table, Silo(2));
        MembershipTableData before = await table.ReadRowAsync(Silo(1).SiloAddress, default);
        MembershipEntry alive = Silo(1, SiloStatus.Dead);
        alive.IAmAliveTime = alive.IAmAliveTime.AddMinutes(1);
        await table.UpdateIAmAliveAsync(alive, default);
        MembershipTableData after = await table.ReadRowAsync(Silo(1).SiloAddress, default);
        Assert.Equal((before.Version, before.Members[0].Item2), (after.Version, after.Members[0].Item2));
        Assert.Equal((alive.IAmAliveTime, SiloStatus.Active), (after.Members[0].Item1.IAmAliveTime, after.Members[0].Item1.Status));
        Assert.True(await table.UpdateRowAsync(Silo(1, SiloStatus.Dead), before.Members[0].Item2, before.Version.Next(), default));
    }

    [Fact]
    public async Task Of_concurrent_changes_from_one_version_exactly_one_wins()
    {
        IMembershipTable[] tables = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => OpenAsync()));
        for (int round = 0; round < 10; round++)
        {
            TableVersion next = (await tables[0].ReadAllAsync(default)).Version.Next();
            bool[] won = await Task.WhenAll(tables.Select((table, i) => Task.Run(() => table.InsertRowAsync(Silo(100 * round + i + 1), next, default))));
            Assert.Single(won, true);
            Assert.Equal(round + 1, (await tables[1].ReadAllAsync(default)).Members.Count);
        }
    }

    [Fact]
    public async Task Repeated_changes_of_many_writers_all_succeed_and_no_sign_of_life_undoes_one()
    {
        IMembershipTable[] tables = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => OpenAsync()));
        await Task.WhenAll(tables.Select((table, i) => Task.Run(async () =>
        {
            MembershipEntry mine = Silo(i + 1, SiloStatus.Joining);
            while (!await InsertAsync(table, mine)) { }
            for (int beat = 0; beat < 10; beat++) await table.UpdateIAmAliveAsync(mine, default);
            while (!await UpdateAsync(table, Silo(i + 1))) { }
        })));
        MembershipTableData data = await tables[0].ReadAllAsync(default);
        Assert.Equal(8, data.Version.Version);
        Assert.All(data.Members, member => Assert.Equal(SiloStatus.Active, member.Item1.Status));
    }

    [Fact]
    public async Task The_gateways_are_those_of_active_silos_with_a_gateway_port()
    {
        IMembershipTable table = await OpenAsync();
        await InsertAsync(table, Silo(1, gateway: 30001));
        await InsertAsync(table, Silo(2));
        await InsertAsync(table, Silo(3, SiloStatus.Dead, gateway: 30003));
        await InsertAsync(table, Silo(4, SiloStatus.Joining, gateway: 30004));
        IGatewayListProvider list = new FileMembershipTable(_folder.Path, clusterId: null, TimeProvider.System);
        Assert.Equal(["127.0.0.1:30001"], (await list.GetGatewaysAsync(default)).Select(uri => uri.Authority));
        Assert.Equal("c", FileMembershipTable.ReadClusterId(_folder.Path));
    }

    [Fact]
    public async Task Before_the_first_silo_there_are_no_gateways_and_no_cluster()
    {
        IGatewayListProvider list = new FileMembershipTable(_folder["later"], clusterId: null, TimeProvider.System);
        Assert.Empty(await list.GetGatewaysAsync(default));
        Assert.Equal(ErrorKind.NotFound, Assert.Throws<SpikeformerException>(() => FileMembershipTable.ReadClusterId(_folder["later"])).Kind);
    }

    [Fact]
    public async Task Old_dead_rows_are_removed_and_no_others()
    {
        IMembershipTable table = await OpenAsync();
        MembershipEntry recent = Silo(3, SiloStatus.Dead);
        recent.IAmAliveTime = recent.IAmAliveTime.AddHours(2);
        foreach (MembershipEntry entry in new[] { Silo(1), Silo(2, SiloStatus.Dead), recent }) await InsertAsync(table, entry);
        await table.CleanupDefunctSiloEntriesAsync(new DateTimeOffset(Silo(1).IAmAliveTime.AddHours(1)), default);
        MembershipTableData data = await table.ReadAllAsync(default);
        Assert.Equal([1, 3], data.Members.Select(member => member.Item1.SiloAddress.Endpoint.Port).Order());
        Assert.Equal(3, data.Version.Version);
    }

    [Fact]
    public async Task All_rows_of_a_cluster_can_be_removed_and_those_of_another_cannot()
    {
        IMembershipTable table = await OpenAsync();
        await InsertAsync(table, Silo(1));
        await table.DeleteMembershipTableEntriesAsync("other", default);
        Assert.Single((await table.ReadAllAsync(default)).Members);
        await table.DeleteMembershipTableEntriesAsync("c", default);
        Assert.Empty((await table.ReadAllAsync(default)).Members);
    }

    [Fact]
    public async Task A_starting_silo_declares_silos_dead_whose_processes_have_ended()
    {
        IMembershipTable ended = await OpenAsync(), living = await OpenAsync();
        await InsertAsync(ended, Silo(1));
        await InsertAsync(living, Silo(2));
        ((IDisposable)ended).Dispose();
        MembershipTableData data = await (await OpenAsync()).ReadAllAsync(default);
        Assert.Equal([(1, SiloStatus.Dead), (2, SiloStatus.Active)],
            data.Members.Select(member => (member.Item1.SiloAddress.Endpoint.Port, member.Item1.Status)).Order());
        Assert.Equal(3, data.Version.Version);
        Assert.Equal(2, Directory.GetFiles(_folder.Path, "*.lock").Length);
    }

    [Fact]
    public async Task Temporary_files_of_a_killed_writer_are_removed()
    {
        await InsertAsync(await OpenAsync(), Silo(1));
        File.WriteAllText(_folder[".membership.json.abcdefgh.ijk.tmp"], "half");
        File.WriteAllText(_folder[".other.json.abcdefgh.ijk.tmp"], "another's");
        Assert.Single((await (await OpenAsync()).ReadAllAsync(default)).Members);
        Assert.Equal([".other.json.abcdefgh.ijk.tmp"], Directory.GetFiles(_folder.Path, ".*").Select(Path.GetFileName));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"schemaVersion":2,"clusterId":"c","version":0,"rows":[]}""")]
    [InlineData("""{"schemaVersion":1,"clusterId":"c","version":0,"rows":[{}]}""")]
    [InlineData("""
        {"schemaVersion":1,"clusterId":"c","version":1,"rows":[{"silo":"nowhere","eTag":"1","status":"Active","name":"a","hostName":"h","gatewayPort":1,
        "startedUtc":"2026-01-02T03:04:05Z","aliveUtc":"2026-01-02T03:04:05Z","suspicions":[]}]}
        """)]
    public async Task The_error_for_a_damaged_table_names_its_file(string content)
    {
        IMembershipTable table = await OpenAsync();
        File.WriteAllText(TableFile, content);
        foreach (Func<Task> call in new Func<Task>[] { () => table.ReadAllAsync(default), () => OpenAsync(), () => table.UpdateIAmAliveAsync(Silo(1), default) })
        {
            var error = await Assert.ThrowsAsync<SpikeformerException>(call);
            Assert.Equal(ErrorKind.CheckFailed, error.Kind);
            Assert.StartsWith($"The membership table {TableFile} is damaged: ", error.Message);
        }
        Assert.Equal(content, File.ReadAllText(TableFile));

    }

    [Fact]
    public async Task A_directory_of_another_cluster_is_refused()
    {
        await OpenAsync("c");
        var error = await Assert.ThrowsAsync<SpikeformerException>(() => OpenAsync("d"));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
    }

    [Fact]
    public async Task A_process_that_keeps_the_lock_is_named_after_some_seconds()
    {
        IMembershipTable table = await OpenAsync();
        using FileLock? stopped = FileLock.TryAcquire(TableFile + ".lock", out _);
        Assert.NotNull(stopped);
        var error = await Assert.ThrowsAsync<SpikeformerException>(() => InsertAsync(table, Silo(1)));
        Assert.Equal(ErrorKind.Conflict, error.Kind);
        Assert.StartsWith($"{TableFile} has been locked by process {Environment.ProcessId} for more than 5 s", error.Message);
        Assert.Empty((await table.ReadAllAsync(default)).Members);
    }

    [Fact]
    public async Task On_a_full_disk_a_change_fails_and_the_table_is_unchanged()
    {
        using var disk = new SmallDisk();
        IMembershipTable table = new FileMembershipTable(disk.Path, "c", TimeProvider.System);
        await table.InitializeMembershipTableAsync(true, default);
        await InsertAsync(table, Silo(1));
        disk.Fill(leave: 0);
        var error = await Assert.ThrowsAsync<SpikeformerException>(() => InsertAsync(table, Silo(2)));
        Assert.StartsWith($"Cannot write {Path.Combine(disk.Path, FileMembershipTable.FileName)}: the disk is full", error.Message);
        Assert.Equal(1, (await table.ReadAllAsync(default)).Version.Version);
        disk.Free();
        Assert.True(await InsertAsync(table, Silo(2)));
        ((IDisposable)table).Dispose();
    }
}
