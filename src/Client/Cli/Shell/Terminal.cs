using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Spikeformer.Cli.Shell;

/// <summary>What a verb writes to: data on standard output, talk on standard error.</summary>
public sealed class Terminal
{
    internal const string JsonOption = "--json", NoColorOption = "--no-color";
    private const int WidthWithoutTerminal = 140;

    private static readonly JsonSerializerOptions Camel = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly TextWriter _output, _error;

    internal Terminal(TextWriter output, TextWriter error, bool json, bool color)
    {
        (_output, _error, Json) = (output, error, json);
        Screen = ScreenOn(output, color && output == Console.Out && !Console.IsOutputRedirected);
        ErrorScreen = ScreenOn(error, color && error == Console.Error && !Console.IsErrorRedirected);
    }

    /// <summary>The terminal that the options of a call ask for.</summary>
    internal static Terminal Of(ParseResult parsed) => new(
        parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, parsed.GetValue<bool>(JsonOption),
        color: !parsed.GetValue<bool>(NoColorOption) && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));

    /// <summary>True when standard output must hold JSON only.</summary>
    public bool Json { get; }

    /// <summary>Standard output for tables; plain text where it is no terminal.</summary>
    public IAnsiConsole Screen { get; }

    /// <summary>Standard error for talk and live progress; plain text where it is no terminal.</summary>
    public IAnsiConsole ErrorScreen { get; }

    /// <summary>Writes a line of data to standard output.</summary>
    public void Print(string text) => _output.WriteLine(text);

    /// <summary>Writes a line of talk to standard error.</summary>
    public void Say(string text) => _error.WriteLine(text);

    /// <summary>Writes talk to standard error as it is, without a line end, for a line that will be rewritten.</summary>
    public void SayInPlace(string text)
    {
        _error.Write(text);
        _error.Flush();
    }

    /// <summary>Writes an object as one line of JSON to standard output, fields in camelCase, nulls left out.</summary>
    public void PrintJson(object value) => _output.WriteLine(JsonSerializer.Serialize(value, Camel));

    private static IAnsiConsole ScreenOn(TextWriter writer, bool isTerminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!isTerminal) console.Profile.Width = WidthWithoutTerminal;
        return console;
    }
}
