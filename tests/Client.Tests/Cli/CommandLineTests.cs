using System.CommandLine;
using System.Text.Json.Nodes;
using Spikeformer.Cli;
using Spikeformer.Cli.Shell;
using Xunit;

namespace Spikeformer.Client.Tests.Cli;

public sealed class CommandLineTests
{
    [Fact]
    public async Task NoArguments_ShowHelpOnStandardErrorAndExitWith2()
    {
        Call call = await Call.Of();
        Assert.Equal((2, ""), (call.ExitCode, call.Output));
        Assert.Contains("spikeformer [command] [options]", call.Error);
    }

    [Fact]
    public async Task Help_GoesToStandardOutput()
    {
        Call call = await Call.Of("--help");
        Assert.Equal((0, ""), (call.ExitCode, call.Error));
        Assert.Contains("doctor", call.Output);
    }

    [Theory]
    [InlineData("recpe", "list")]
    [InlineData("recipe")]
    [InlineData("recipe", "show")]
    [InlineData("recipe", "show", "demo", "--no-such-option")]
    [InlineData("--json", "recipe", "lst")]
    public async Task WrongCall_ExitsWith2AndLeavesStandardOutputEmpty(params string[] args)
    {
        Call call = await Call.Of(args);
        Assert.Equal((2, ""), (call.ExitCode, call.Output));
        Assert.Contains("--help", call.Error);
    }

    [Fact]
    public async Task MisspeltVerb_IsSuggested() => Assert.Contains("recipe", (await Call.Of("recpe")).Error.Split("Required")[0]);

    [Fact]
    public async Task Suggest_AfterAVerb_ListsItsRecipes() =>
        Assert.Equal("dvs-cifar10\ndvs-gesture\n", (await Call.Of("[suggest:15]", "recipe show dvs")).Output);

    [Theory]
    [InlineData(ErrorKind.Failed, 1)]
    [InlineData(ErrorKind.Usage, 2)]
    [InlineData(ErrorKind.NotFound, 3)]
    [InlineData(ErrorKind.Conflict, 4)]
    [InlineData(ErrorKind.Unreachable, 5)]
    [InlineData(ErrorKind.CheckFailed, 6)]
    public async Task ErrorOfAKind_EndsWithItsMessageAndExitCode(ErrorKind kind, int exitCode)
    {
        (int code, string error) = await Fail(new SpikeformerException(kind, "It broke", "Mend it"));
        Assert.Equal(exitCode, code);
        Assert.Equal("It broke. Mend it.\n", error);
    }

    [Fact]
    public async Task UnexpectedError_EndsWith1AndOneLineWithoutStack()
    {
        (int code, string error) = await Fail(new InvalidOperationException("odd"));
        Assert.Equal(1, code);
        Assert.Equal("Unexpected InvalidOperationException: odd. Run the command again with --verbose to see the stack.\n", error);
    }

    [Fact]
    public async Task UnexpectedError_Verbose_ShowsTheStack()
    {
        (_, string error) = await Fail(new InvalidOperationException("odd"), "--verbose");
        Assert.Contains($"   at {typeof(CommandLineTests).FullName}", error);
    }

    [Fact]
    public async Task Error_Json_IsTheLastLineOfStandardError()
    {
        Call call = await Call.Of("recipe", "show", "nminst", "--json");
        Assert.Equal((3, ""), (call.ExitCode, call.Output));
        JsonNode error = JsonNode.Parse(call.Error)!["error"]!;
        Assert.Equal(("notFound", 3), (error["kind"]!.GetValue<string>(), error["exitCode"]!.GetValue<int>()));
        Assert.Equal("There is no recipe 'nminst'; did you mean 'nmnist'", error["problem"]!.GetValue<string>());
        Assert.NotEqual("", error["remedy"]!.GetValue<string>());
        (_, string verbose) = await Fail(new SpikeformerException(ErrorKind.Usage, "It broke:\n  here", "Mend it"), "--json", "--verbose");
        string[] lines = verbose.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains($"   at {typeof(CommandLineTests).FullName}", verbose);
        Assert.Equal("""{"error":{"kind":"usage","problem":"It broke:\n  here","remedy":"Mend it","exitCode":2}}""", lines[^1]);
    }

    [Theory]
    [InlineData(2, 130)]
    [InlineData(15, 143)]
    public async Task Interrupted_EndsWithTheSignalsCode(int signal, int exitCode)
    {
        using var interruption = new Interruption();
        int code = await Run(interruption, async token =>
        {
            Assert.True(interruption.Request(signal));
            await Task.Delay(Timeout.Infinite, token);
        });
        Assert.Equal(exitCode, code);
    }

    [Fact]
    public async Task Cancelled_WithoutASignal_IsAnUnexpectedError()
    {
        (int code, _) = await Fail(new OperationCanceledException());
        Assert.Equal(1, code);
    }

    private static async Task<(int Code, string Error)> Fail(Exception failure, params string[] options)
    {
        using var interruption = new Interruption();
        var error = new StringWriter();
        int code = await Run(interruption, _ => throw failure, error, options);
        return (code, error.ToString());
    }

    private static Task<int> Run(
        Interruption interruption, Func<CancellationToken, Task> action, StringWriter? error = null, params string[] options)
    {
        var verb = new Command("probe");
        verb.SetAction(async (_, token) =>
        {
            await action(token);
            return 0;
        });
        return CommandLine.RunAsync(CommandLine.Root(verb), ["probe", .. options], TextWriter.Null, error ?? TextWriter.Null, interruption);
    }
}
