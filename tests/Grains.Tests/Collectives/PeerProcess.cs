using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Spikeformer.Collectives;
using Spikeformer.Collectives.Connections;
using Spikeformer.Collectives.Plan;
using Spikeformer.TestKit;

namespace Spikeformer.Grains.Tests.Collectives;

/// <summary>A member of a generation in a process of its own: this executable, started again.</summary>
internal sealed unsafe partial class PeerProcess : IDisposable
{
    public const string Role = "peer";

    private readonly Process _process;

    private PeerProcess(Process process)
    {
        _process = process;
        Port = int.Parse(Read());
    }

    /// <summary>What a peer does: reductions of some lengths, in turn, so many steps; 0 for ever.</summary>
    public sealed record Script(GroupPlan Plan, int[] Lengths, int Steps);

    /// <summary>What a peer says when its generation ends.</summary>
    public sealed record Lost(int[] Suspects, PeerLossReason Reason, string Message, string[] Warnings);

    /// <summary>Where its listener is.</summary>
    public int Port { get; }

    public static PeerProcess Start() => Start(Path.Combine(AppContext.BaseDirectory, "Spikeformer.Grains.Tests"), Role);

    public static PeerProcess Start(string file, params string[] arguments) =>
        new(Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!);

    /// <summary>Starts the peers of a plan and gives each its script.</summary>
    /// <param name="address">The port under which one rank (second) finds another (third); the real one (first) by default.</param>
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

    public Lost ReadLoss()
    {
        string line;
        do line = Read(); while (!line.StartsWith('{'));
        return JsonSerializer.Deserialize<Lost>(line)!;
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

    /// <summary>The peer's own side.</summary>
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
            Console.WriteLine(JsonSerializer.Serialize(new Lost([.. lost.PeerLoss.Suspects], lost.PeerLoss.Reason, lost.Message, [.. group?.Warnings ?? []])));
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
