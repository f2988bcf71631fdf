using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>The machines of a test: network namespaces connected to one switch, as is this process. Tests can pull their cables and plug them in again.
/// Needs root and the programs ip and iptables.</summary>
public sealed class NodeNetwork : IDisposable
{
    private static int s_made;

    private readonly string _name;
    private readonly string _subnet;
    private readonly int _nodes;

    private NodeNetwork(int nodes)
    {
        // Interface names have at most 15 characters. The number keeps names and addresses of tests and processes apart.
        int number = (Environment.ProcessId * 8 + Interlocked.Increment(ref s_made)) % 60_000;
        (_nodes, _name) = (nodes, string.Create(CultureInfo.InvariantCulture, $"sf{number}"));
        _subnet = string.Create(CultureInfo.InvariantCulture, $"10.{64 + number / 250 % 128}.{number % 250}");
    }

    /// <summary>The address of this process.</summary>
    public string HostAddress => $"{_subnet}.1";

    /// <summary>Creates the machines. Skips the test, with a reason, if that is not allowed.</summary>
    public static NodeNetwork Create(int nodes)
    {
        Assert.SkipUnless(CanCreate(), "needs permission to create network namespaces (root), ip and iptables");
        var network = new NodeNetwork(nodes);
        try
        {
            network.Build();
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Returns the address of a machine.</summary>
    public string Address(int node) => string.Create(CultureInfo.InvariantCulture, $"{_subnet}.{10 + node}");

    /// <summary>Changes the start of a process so that it runs on a machine.</summary>
    public ProcessStartInfo On(int node, ProcessStartInfo start)
    {
        string[] arguments = [.. start.ArgumentList];
        start.ArgumentList.Clear();
        foreach (string argument in (string[])["netns", "exec", Namespace(node), start.FileName, .. arguments]) start.ArgumentList.Add(argument);
        start.FileName = "ip";
        return start;
    }

    /// <summary>Pulls the cable of a machine: it can reach nobody and nobody can reach it. Open connections stay open, as on a real machine.</summary>
    public void Cut(int node) => Ip("link", "set", Cable(node), "down");

    /// <summary>Reverses <see cref="Cut"/>.</summary>
    public void Mend(int node) => Ip("link", "set", Cable(node), "up");

    /// <summary>Cuts a machine off from the other machines. This process and everything beside it can still reach it.</summary>
    public void CutFromOthers(int node) => Filter(node, "-A");

    /// <summary>Reverses <see cref="CutFromOthers"/>.</summary>
    public void MendToOthers(int node) => Filter(node, "-D");

    /// <summary>Returns the ids of all processes of a machine.</summary>
    public int[] Processes(int node) => [.. Run("ip", "netns", "pids", Namespace(node)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];

    /// <summary>Simulates a power failure: sends SIGKILL to all processes of a machine at once.</summary>
    public void PowerOff(int node)
    {
        if (Processes(node) is { Length: > 0 } all) Run("kill", ["-9", .. all.Select(process => $"{process}")]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (int node = 0; node < _nodes; node++)
        {
            TryRun("ip", "link", "del", Cable(node));
            TryRun("ip", "netns", "del", Namespace(node));
        }
        TryRun("ip", "link", "del", _name);
    }

    private void Build()
    {
        Ip("link", "add", "name", _name, "type", "bridge");
        Ip("addr", "add", $"{HostAddress}/24", "dev", _name);
        Ip("link", "set", _name, "up");
        for (int node = 0; node < _nodes; node++)
        {
            Ip("netns", "add", Namespace(node));
            Ip("link", "add", Cable(node), "type", "veth", "peer", "name", "eth0", "netns", Namespace(node));
            Ip("link", "set", Cable(node), "master", _name, "up");
            Ip("-n", Namespace(node), "addr", "add", $"{Address(node)}/24", "dev", "eth0");
            Ip("-n", Namespace(node), "link", "set", "eth0", "up");
            Ip("-n", Namespace(node), "link", "set", "lo", "up");
        }
    }

    private void Filter(int node, string action)
    {
        for (int other = 0; other < _nodes; other++)
            if (other != node)
                foreach ((string chain, string side) in (ReadOnlySpan<(string, string)>)[("INPUT", "-s"), ("OUTPUT", "-d")])
                    Ip("netns", "exec", Namespace(node), "iptables", "-w", action, chain, side, Address(other), "-j", "DROP");
    }

    private string Namespace(int node) => $"{_name}-{node}";

    private string Cable(int node) => $"{_name}v{node}";

    private static bool CanCreate()
    {
        string probe = string.Create(CultureInfo.InvariantCulture, $"sfprobe{Environment.ProcessId}");
        if (!TryRun("ip", "netns", "add", probe)) return false;
        bool can = TryRun("ip", "netns", "exec", probe, "iptables", "-w", "-L") && TryRun("ip", "link", "add", "name", $"{probe}b", "type", "bridge");
        TryRun("ip", "link", "del", $"{probe}b");
        TryRun("ip", "netns", "del", probe);
        return can;
    }

    private static bool TryRun(string program, params string[] arguments)
    {
        try
        {
            Run(program, arguments);
            return true;
        }
        catch (Exception error) when (error is InvalidOperationException or Win32Exception)
        {
            return false;
        }
    }

    private static void Ip(params string[] arguments) => Run("ip", arguments);

    private static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {errors.Result}");
    }
}
