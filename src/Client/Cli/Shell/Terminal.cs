using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Spikeformer.Cli.Shell;

/// <summary>The output of a verb: data on standard output, messages on standard error.</summary>
internal sealed class Terminal
{
    public const string JsonOption = "--json", NoColorOption = "--no-color";
    private const int WidthWithoutTerminal = 140;

    private static readonly JsonSerializerOptions Camel = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly TextWriter _output, _error;

    public Terminal(TextWriter output, TextWriter error, bool json, bool color)
    {
        (_output, _error, Json) = (output, error, json);
        Screen = ScreenOn(output, color && output == Console.Out && !Console.IsOutputRedirected);
        ErrorScreen = ScreenOn(error, color && error == Console.Error && !Console.IsErrorRedirected);
    }

    /// <summary>Returns the terminal that the options of a call ask for.</summary>
    public static Terminal Of(ParseResult parsed) => new(
        parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error, parsed.GetValue<bool>(JsonOption),
        color: !parsed.GetValue<bool>(NoColorOption) && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));

    /// <summary>Whether standard output must hold only JSON.</summary>
    public bool Json { get; }

    /// <summary>Standard output for tables; plain text unless it is a terminal.</summary>
    public IAnsiConsole Screen { get; }

    /// <summary>Standard error for messages and live progress; plain text unless it is a terminal.</summary>
    public IAnsiConsole ErrorScreen { get; }

    /// <summary>Writes a line of data to standard output.</summary>
    public void Print(string text) => _output.WriteLine(text);

    /// <summary>Writes a message to standard error.</summary>
    public void Say(string text) => _error.WriteLine(text);

    /// <summary>Writes to standard error without a line end, for a line that will be rewritten.</summary>
    public void SayInPlace(string text)
    {
        _error.Write(text);
        _error.Flush();
    }

    /// <summary>Writes an object to standard output as one line of JSON, with fields in camelCase and without nulls.</summary>
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
