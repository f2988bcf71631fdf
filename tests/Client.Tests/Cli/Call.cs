using System.Text.Json.Nodes;
using Spikeformer.Cli;
using Spikeformer.Cli.Shell;

namespace Spikeformer.Client.Tests.Cli;

/// <summary>A call of the command line in the process of the test.</summary>
/// <param name="ExitCode">What the process would end with.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record Call(int ExitCode, string Output, string Error)
{
    /// <summary>Standard output as JSON.</summary>
    public JsonNode Json => JsonNode.Parse(Output)!;

    /// <summary>Runs a command line.</summary>
    public static async Task<Call> Of(params string[] args)
    {
        using var interruption = new Interruption();
        using StringWriter output = new(), error = new();
        int exitCode = await CommandLine.RunAsync(args, output, error, interruption);
        return new(exitCode, output.ToString(), error.ToString());
    }
}
