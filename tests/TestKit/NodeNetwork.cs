using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>
/// Machines of a test: network namespaces on one switch, which this process is on too. Their cables can be pulled and put back. Needs root and the
/// programs ip and iptables.
/// </summary>
public sealed class NodeNetwork : IDisposable
{
    private static int s_made;

    private readonly string _name;
    private readonly string _subnet;
    private readonly int _nodes;

    private NodeNetwork(int nodes)
    {
        // Interface names have 15 characters at most; other tests and processes have other names and addresses.
        int number = (Environment.ProcessId * 8 + Interlocked.Increment(ref s_made)) % 60_000;
        (_nodes, _name) = (nodes, string.Create(CultureInfo.InvariantCulture, $"sf{number}"));
        _subnet = string.Create(CultureInfo.InvariantCulture, $"10.{64 + number / 250 % 128}.{number % 250}");
    }

    /// <summary>This process's address.</summary>
    public string HostAddress => $"{_subnet}.1";

    /// <summary>Makes the machines. Skips the test, by name, where that is not allowed.</summary>
    public static NodeNetwork Create(int nodes)
    {
        Assert.SkipUnless(CanCreate(), "needs the right to make network namespaces (root), ip and iptables");
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

    /// <summary>A machine's address.</summary>
    public string Address(int node) => string.Create(CultureInfo.InvariantCulture, $"{_subnet}.{10 + node}");

    /// <summary>Lets a process start on a machine instead of here.</summary>
    public ProcessStartInfo On(int node, ProcessStartInfo start)
    {
        string[] arguments = [.. start.ArgumentList];
        start.ArgumentList.Clear();
        foreach (string argument in (string[])["netns", "exec", Namespace(node), start.FileName, .. arguments]) start.ArgumentList.Add(argument);
        start.FileName = "ip";
        return start;
    }

    /// <summary>Pulls a machine's cable: nobody reaches it, and it reaches nobody. Connections stay open, as they do.</summary>
    public void Cut(int node) => Ip("link", "set", Cable(node), "down");

    /// <summary>Puts it back.</summary>
    public void Mend(int node) => Ip("link", "set", Cable(node), "up");

    /// <summary>Cuts a machine off the other machines; this process and what runs here still reach it.</summary>
    public void CutFromOthers(int node) => Filter(node, "-A");

    /// <summary>Ends that.</summary>
    public void MendToOthers(int node) => Filter(node, "-D");

    /// <summary>All processes of a machine.</summary>
    public int[] Processes(int node) => [.. Run("ip", "netns", "pids", Namespace(node)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];

    /// <summary>The power fails: SIGKILL to all processes of a machine at once.</summary>
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
