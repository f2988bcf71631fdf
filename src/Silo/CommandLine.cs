using System.CommandLine;
using System.CommandLine.Invocation;
using Spikeformer.Diagnostics;
using Spikeformer.Silo.Verbs;

namespace Spikeformer.Silo;

/// <summary>The <c>spikeformer-silo</c> command: parses the arguments, runs one verb, and turns errors into messages and exit codes.</summary>
internal static class CommandLine
{
    private const string Verbose = "--verbose";

    /// <summary>Runs a command line.</summary>
    /// <param name="args">The arguments after the program's name.</param>
    /// <returns>The exit code: 0, or the <see cref="ErrorKind"/> of the error.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand("Spikeformer cluster: silos and workers")
        {
            new Option<bool>(Verbose) { Description = "Print the stack of an error", Recursive = true },
            RunVerb.Create(),
            WorkerVerb.Create(),
        };
        root.HelpName = "spikeformer-silo";
        var onError = new InvocationConfiguration { Output = Console.Error };
        ParseResult parsed = root.Parse(args.Length > 0 ? args : ["--help"]);
        if (parsed.Action is ParseErrorAction refusal)
        {
            refusal.ShowHelp = false;
            parsed.Invoke(onError);
            Console.Error.WriteLine("Run 'spikeformer-silo --help' for a list of verbs, or 'spikeformer-silo VERB --help' for the options of a verb.");
            return (int)ErrorKind.Usage;
        }
        if (args.Length == 0)
        {
            parsed.Invoke(onError);
            return (int)ErrorKind.Usage;
        }
        try
        {
            // The host of each verb handles signals.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception failure)
        {
            return ErrorPrinter.Print(Console.Error, failure, parsed.GetValue<bool>(Verbose));
        }
    }
}
