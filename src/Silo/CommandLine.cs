using System.CommandLine;
using System.CommandLine.Invocation;
using Spikeformer.Silo.Verbs;

namespace Spikeformer.Silo;

/// <summary>The <c>spikeformer-silo</c> command: parses, runs one verb, turns errors into messages and exit codes as <c>spikeformer</c> does.</summary>
internal static class CommandLine
{
    private const string Verbose = "--verbose";

    /// <summary>Runs a command line.</summary>
    /// <param name="args">The arguments after the program's name.</param>
    /// <returns>The exit code: 0 done, 1 unexpected error, else an <see cref="ErrorKind"/>.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand("Spikeformer's cluster: silos and workers")
        {
            new Option<bool>(Verbose) { Description = "Show the stack of an error", Recursive = true },
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
            Console.Error.WriteLine("'spikeformer-silo --help' lists verbs and options, 'spikeformer-silo VERB --help' those of a verb.");
            return (int)ErrorKind.Usage;
        }
        if (args.Length == 0)
        {
            parsed.Invoke(onError);
            return (int)ErrorKind.Usage;
        }
        try
        {
            // Signals belong to the host of each verb.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (SpikeformerException failure)
        {
            Console.Error.WriteLine(parsed.GetValue<bool>(Verbose) ? failure.ToString() : failure.Message);
            return (int)failure.Kind;
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine($"Unexpected {failure.GetType().Name}: {failure.Message}");
            Console.Error.WriteLine(parsed.GetValue<bool>(Verbose) ? failure.ToString() : "Run the same with --verbose to see where it came from.");
            return (int)ErrorKind.Failed;
        }
    }
}
