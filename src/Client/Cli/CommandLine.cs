using System.CommandLine.Invocation;
using Spikeformer.Cli.Verbs;
using Spikeformer.Diagnostics;

namespace Spikeformer.Cli;

/// <summary>The <c>spikeformer</c> command: parses the arguments, runs one verb, and turns errors into messages and exit codes.</summary>
internal static class CommandLine
{
    private const string Verbose = "--verbose";

    /// <summary>Runs a command line.</summary>
    /// <param name="args">The arguments after the program's name.</param>
    /// <param name="output">Standard output: data.</param>
    /// <param name="error">Standard error: messages.</param>
    /// <param name="interruption">The signals that verbs obey.</param>
    /// <returns>The exit code: 0, the <see cref="ErrorKind"/> of the error, or 130 or 143 after a signal.</returns>
    public static Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, Interruption interruption) =>
        RunAsync(Root(Verbs(interruption)), args, output, error, interruption);

    /// <summary>All verbs, in the order of the help page.</summary>
    private static Command[] Verbs(Interruption interruption) =>
    [
        TrainVerb.Create(interruption),
        RunVerbs.CreateResume(interruption),
        RunVerbs.CreateStart(interruption),
        WatchVerbs.CreateList(),
        WatchVerbs.CreateStatus(),
        WatchVerbs.CreateWatch(interruption),
        WatchVerbs.CreateEvents(),
        WatchVerbs.CreateLogs(),
        RunVerbs.CreateStop(interruption),
        RunVerbs.CreateCancel(interruption),
        WatchVerbs.CreateCluster(),
        DrainVerb.Create(interruption),
        EvaluateVerb.Create(interruption),
        PlotVerb.Create(),
        ReportVerb.Create(),
        CheckpointVerb.Create(),
        ExportVerb.Create(),
        DataVerb.Create(interruption),
        RecipeVerb.Create(),
        DemoVerb.Create(interruption),
        DoctorVerb.Create(),
        CompletionVerb.Create(),
    ];

    /// <summary>Runs a command line of any verbs.</summary>
    public static async Task<int> RunAsync(RootCommand root, string[] args, TextWriter output, TextWriter error, Interruption interruption)
    {
        if (args.Length == 0)
        {
            root.Parse(["--help"]).Invoke(new InvocationConfiguration { Output = error, Error = error });
            return (int)ErrorKind.Usage;
        }
        ParseResult parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction refusal)
        {
            // By default the library exits with 1 and prints help on standard output, where readers expect data.
            refusal.ShowHelp = false;
            parsed.Invoke(new InvocationConfiguration { Output = error, Error = error });
            error.WriteLine("Run 'spikeformer --help' for a list of verbs, or 'spikeformer VERB --help' for the options of a verb.");
            return (int)ErrorKind.Usage;
        }
        var configuration = new InvocationConfiguration
        {
            Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null,
        };
        try
        {
            return await parsed.InvokeAsync(configuration, interruption.Token);
        }
        catch (OperationCanceledException) when (interruption.ExitCode != 0)
        {
            error.WriteLine("Interrupted.");
            return interruption.ExitCode;
        }
        catch (Exception failure)
        {
            return ErrorPrinter.Print(error, failure, parsed.GetValue<bool>(Verbose), parsed.GetValue<bool>(Terminal.JsonOption));
        }
    }

    /// <summary>Returns the command with its common options and these verbs.</summary>
    public static RootCommand Root(params ReadOnlySpan<Command> verbs)
    {
        var root = new RootCommand("Spikeformer: a fault-tolerant, elastic trainer for spiking transformers")
        {
            new Option<bool>(Terminal.JsonOption) { Description = "Print JSON: results on standard output, an error as the last line of standard error", Recursive = true },
            new Option<bool>(Verbose) { Description = "Print the stack of an error", Recursive = true },
            new Option<bool>(Terminal.NoColorOption) { Description = "Print without colors", Recursive = true },
        };
        root.HelpName = "spikeformer";
        foreach (Command verb in verbs) root.Add(verb);
        return root;
    }
}
