using System.Diagnostics;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Verbs;

public sealed class CompletionVerbTests
{
    [Theory]
    [InlineData("bash", "complete -o default -F _spikeformer")]
    [InlineData("zsh", "compdef _spikeformer")]
    [InlineData("fish", "complete -c spikeformer")]
    public async Task Completion_PrintsTheShellsScript(string shell, string expected)
    {
        Call call = await Call.Of("completion", shell);
        Assert.Equal((0, ""), (call.ExitCode, call.Error));
        Assert.Contains(expected, call.Output);
        Assert.Contains("[suggest:", call.Output);
    }

    [Fact]
    public async Task Completion_UnknownShell_ExitsWith2() => Assert.Equal(2, (await Call.Of("completion", "tcsh")).ExitCode);

    /// <summary>Runs the script in bash, with a stand-in for the client that prints its arguments.</summary>
    [Fact]
    public async Task Bash_AsksForWhatFollowsTheCursorAndOffersWhatFits()
    {
        string script = (await Call.Of("completion", "bash")).Output + """
            probe() { printf '%s\n' "$@" >&3; printf 'show\nschema\nlist\n'; }
            COMP_LINE='probe recipe s --json' COMP_POINT=14 COMP_WORDS=(probe recipe s --json) COMP_CWORD=2
            _spikeformer 3>&1
            printf '%s\n' "${COMPREPLY[@]}"
            """;
        var start = new ProcessStartInfo("bash", ["--norc", "-s"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using Process bash = Process.Start(start)!;
        await bash.StandardInput.WriteAsync(script.Replace("2>/dev/null", ""));
        bash.StandardInput.Close();
        string output = await bash.StandardOutput.ReadToEndAsync();
        Assert.Equal(["[suggest:8]", "recipe s", "show", "schema"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
