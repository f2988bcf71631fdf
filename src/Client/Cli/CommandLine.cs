using System.CommandLine;
using System.CommandLine.Invocation;
using Spikeformer.Cli.Shell;
using Spikeformer.Cli.Verbs;

namespace Spikeformer.Cli;

/// <summary>The <c>spikeformer</c> command: parses, runs one verb, turns errors into messages and exit codes.</summary>
public static class CommandLine
{
    private const string Verbose = "--verbose";

    /// <summary>Runs a command line.</summary>
    /// <param name="args">The arguments after the program's name.</param>
    /// <param name="output">Standard output: data.</param>
    /// <param name="error">Standard error: talk.</param>
    /// <param name="interruption">The signals that verbs obey.</param>
    /// <returns>The exit code: 0 done, 1 unexpected error, else an <see cref="ErrorKind"/>, or 130 and 143 when interrupted.</returns>
    public static Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, Interruption interruption) =>
        RunAsync(Root(Verbs(interruption)), args, output, error, interruption);

    /// <summary>Every verb, in the order of the help page.</summary>
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

    /// <summary>The same for any verbs.</summary>
    internal static async Task<int> RunAsync(
        RootCommand root, string[] args, TextWriter output, TextWriter error, Interruption interruption)
    {
        if (args.Length == 0)
        {
            root.Parse(["--help"]).Invoke(new InvocationConfiguration { Output = error, Error = error });
            return (int)ErrorKind.Usage;
        }
        ParseResult parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction refusal)
        {
            // By itself the library would exit with 1 and print help on standard output, which readers of JSON would then get.
            refusal.ShowHelp = false;
            parsed.Invoke(new InvocationConfiguration { Output = error, Error = error });
            error.WriteLine("'spikeformer --help' lists verbs and options, 'spikeformer VERB --help' those of a verb.");
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
        catch (SpikeformerException failure)
        {
            error.WriteLine(failure.Message);
            if (parsed.GetValue<bool>(Verbose)) error.WriteLine(failure);
            return (int)failure.Kind;
        }
        catch (OperationCanceledException) when (interruption.ExitCode != 0)
        {
            error.WriteLine("Interrupted.");
            return interruption.ExitCode;
        }
        catch (Exception failure)
        {
            error.WriteLine($"Unexpected {failure.GetType().Name}: {failure.Message}");
            error.WriteLine(parsed.GetValue<bool>(Verbose) ? failure.ToString() : "Run the same with --verbose to see where it came from.");
            return (int)ErrorKind.Failed;
        }
    }

    /// <summary>The command with its common options and these verbs.</summary>
    internal static RootCommand Root(params ReadOnlySpan<Command> verbs)
    {
        var root = new RootCommand("Spikeformer: a fault-tolerant, elastic trainer for spiking transformers")
        {
            new Option<bool>(Terminal.JsonOption) { Description = "Print JSON on standard output", Recursive = true },
            new Option<bool>(Verbose) { Description = "Show the stack of an error", Recursive = true },
            new Option<bool>(Terminal.NoColorOption) { Description = "Print without colours", Recursive = true },
        };
        root.HelpName = "spikeformer";
        foreach (Command verb in verbs) root.Add(verb);
        return root;
    }
}
