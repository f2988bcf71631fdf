using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.TestKit;

namespace Spikeformer.Grains.Tests.Collectives;

/// <summary>A member of a generation in a separate process: this executable, started again.</summary>
internal sealed unsafe partial class PeerProcess : IDisposable
{
    public const string Role = "peer";

    private readonly Process _process;

    private PeerProcess(Process process)
    {
        _process = process;
        Port = int.Parse(Read());
    }

    /// <summary>Instructions for a peer: the lengths of its reductions, used in turn, and the number of steps; 0 repeats without end.</summary>
    public sealed record Script(GroupPlan Plan, int[] Lengths, int Steps);

    /// <summary>TCP port of its listener.</summary>
    public int Port { get; }

    public static PeerProcess Start() => Start(Path.Combine(AppContext.BaseDirectory, "Spikeformer.Grains.Tests"), Role);

    public static PeerProcess Start(string file, params string[] arguments) =>
        new(Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!);

    /// <summary>Sends each peer its script.</summary>
    /// <param name="address">Returns the port at which one rank (second) finds another (third); by default the real one (first).</param>
    public static void Run(PeerProcess[] peers, GroupPlan plan, int[] lengths, int steps, Func<int, int, int, int>? address = null)
    {
        for (int rank = 0; rank < peers.Length; rank++)
        {
            int own = rank;
            GroupMember[] members = [.. plan.Members.Select((member, other) =>
                member with { Port = address?.Invoke(peers[other].Port, own, other) ?? peers[other].Port })];
            peers[rank]._process.StandardInput.WriteLine(JsonSerializer.Serialize(new Script(plan with { OwnRank = rank, Members = members }, lengths, steps)));
        }
    }

    public string Read() => _process.StandardOutput.ReadLine() ?? throw new EndOfStreamException("The peer process has ended.");

    public PeerLoss ReadLoss()
    {
        string line;
        do line = Read(); while (!line.StartsWith('{'));
        return JsonSerializer.Deserialize<PeerLoss>(line)!;
    }

    public void Kill() => _process.Kill();

    public void Freeze() => _ = kill(_process.Id, 19);

    public void Continue() => _ = kill(_process.Id, 18);

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>Entry point of the peer process.</summary>
    public static int Play()
    {
        using var listener = new DataListener(IPAddress.Loopback);
        Console.WriteLine(listener.Port);
        Script script = JsonSerializer.Deserialize<Script>(Console.ReadLine()!)!;
        Group? group = null;
        try
        {
            group = Group.Connect(script.Plan, listener, Ranks.Deadline);
            float[][][] partials = [.. script.Lengths.Select(length => group.OwnNodes.Select(c => Leaves.Fold(c.Node, script.Plan.Shards, length)).ToArray())];
            float[] result = GC.AllocateArray<float>(script.Lengths.Max(), pinned: true);
            for (int step = 0; script.Steps == 0 || step < script.Steps; step++)
            {
                int which = step % script.Lengths.Length;
                NodeVector[] own = [.. group.OwnNodes.Select((c, i) => new NodeVector(c.Node, Leaves.Address(partials[which][i])))];
                group.AllReduce(step, 0, own, (float*)Leaves.Address(result), script.Lengths[which]);
                if (script.Steps > 0) Console.WriteLine(Leaves.Hash(result.AsSpan(0, script.Lengths[which])));
                else if (step == 3) Console.WriteLine("running");
            }
            Console.WriteLine(JsonSerializer.Serialize(group.Warnings));
            Console.ReadLine();
            return 0;
        }
        catch (PeerLostException lost)
        {
            Console.WriteLine(JsonSerializer.Serialize(lost.PeerLoss));
            return 7;
        }
        finally
        {
            group?.Dispose();
        }
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
