using System.Text.Encodings.Web;

namespace Spikeformer.Diagnostics;

/// <summary>Prints the errors of every program in one way: the problem and the remedy, and on request the stack.</summary>
internal static class ErrorPrinter
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Prints an error.</summary>
    /// <param name="to">Standard error.</param>
    /// <param name="error">The error.</param>
    /// <param name="verbose">Whether to print the stack, too.</param>
    /// <param name="json">Whether to print one line of JSON instead of text.</param>
    /// <returns>The exit code of the program.</returns>
    public static int Print(TextWriter to, Exception error, bool verbose, bool json = false)
    {
        SpikeformerException explained = Explain(error, "Run the command again with --verbose to see the stack");
        if (!json) to.WriteLine(explained.Message);
        if (verbose) to.WriteLine(error);
        if (json) to.WriteLine(JsonSerializer.Serialize(new { Error = Fields(explained) }, s_json));
        return (int)explained.Kind;
    }

    /// <summary>Returns the parts of an error, for JSON.</summary>
    public static object Fields(SpikeformerException error) =>
        new { Kind = JsonNamingPolicy.CamelCase.ConvertName(error.Kind.ToString()), Problem = error.What, error.Remedy, ExitCode = (int)error.Kind };

    /// <summary>Returns an error as one that a user can act on.</summary>
    /// <param name="error">The error; an unexpected one gets the kind Failed.</param>
    /// <param name="remedy">What to do about an unexpected error, without the final full stop.</param>
    public static SpikeformerException Explain(Exception error, string remedy) => error as SpikeformerException
        ?? new(ErrorKind.Failed, $"Unexpected {error.GetType().Name}: {error.Message.TrimEnd('.')}", remedy, error);
}
