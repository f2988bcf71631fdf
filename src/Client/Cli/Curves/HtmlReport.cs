using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Spikeformer.Cli.Sources;

namespace Spikeformer.Cli.Curves;

/// <summary>A page about a run that needs no other file: its results, curves, checkpoints, events, numerics and recipe.</summary>
internal static class HtmlReport
{
    private const int EventsShown = 500;

    private const string Style = "body{font:15px/1.5 sans-serif;max-width:75em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}" +
        "td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd;vertical-align:top}img{max-width:100%}pre{background:#f6f6f6;padding:1em;overflow:auto}";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>Returns the page.</summary>
    /// <param name="directory">The run directory.</param>
    /// <param name="curve">The completed epochs.</param>
    /// <param name="picture">The curves as a PNG.</param>
    /// <exception cref="SpikeformerException">The directory holds no run, or is damaged.</exception>
    public static string Of(RunDirectory directory, IReadOnlyList<CurvePoint> curve, byte[] picture)
    {
        RunDescription run = directory.ReadDescription();
        CurvePoint best = curve.MaxBy(point => point.TestAccuracy)!, last = curve[^1];
        var page = new StringBuilder();
        page.Append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>").Append(Encoded(run.Run)).Append("</title><style>").Append(Style).Append("</style></head><body>\n");
        page.Append("<h1>Run ").Append(Encoded(run.Run)).Append("</h1>\n");
        Table(page, [],
            [
                ["completed epochs", $"{last.Epoch + 1} of {RunDirectory.RecipeOf(run).Epochs}"],
                ["test accuracy", $"{Percent(last)}, best {Percent(best)} in epoch {best.Epoch}"],
                ["started", run.CreatedUtc.ToString("u", CultureInfo.InvariantCulture)],
                ["initial weights", run.Origin is { } origin ? $"{origin.Weights} in epoch {origin.Epoch}, SHA-256 {origin.Sha256}" : "fresh"],
                ["recipe", run.RecipeHash], ["data", run.DataHash], ["classes", string.Join(", ", run.ClassNames)],
            ]);
        page.Append("<h2>Curves</h2>\n<img alt=\"loss, accuracy and learning rate by epoch\" src=\"data:image/png;base64,").Append(Convert.ToBase64String(picture)).Append("\">\n");
        Heading(page, "Checkpoints");
        Table(page, ["checkpoint", "epoch", "marks", "weights"],
            RunCheckpoints.Open(directory).List().Select(entry => new[]
            {
                $"{entry.Id}", $"{entry.Info?.Epoch}", string.Join(' ', new[] { entry.IsBest ? "best" : "", entry.IsPinned ? "pinned" : "" }.Where(mark => mark != "")),
                entry.Problem?.Message ?? entry.Info!.WeightsDigest,
            }));
        Heading(page, "Events");
        string[][] events = [.. Events(directory)];
        if (events.Length > EventsShown) page.Append(CultureInfo.InvariantCulture, $"<p>The last {EventsShown} of {events.Length} events.</p>\n");
        Table(page, ["time", "step", "kind", "message"], events.TakeLast(EventsShown));
        Heading(page, "Numerics");
        Table(page, [], run.Fingerprint.Select(field => new[] { field.Key, field.Value }));
        Heading(page, "Recipe");
        page.Append("<pre>").Append(Encoded(JsonSerializer.Serialize(run.Recipe, s_indented))).Append("</pre>\n</body></html>\n");
        return page.ToString();
    }

    private static IEnumerable<string[]> Events(RunDirectory directory)
    {
        if (!File.Exists(directory.EventsFile)) yield break;
        foreach (string line in File.ReadLines(directory.EventsFile))
        {
            if (Parsed(line) is not { } entry || Text("kind") is EventKinds.Evaluation or EventKinds.Checkpoint) continue;
            yield return [Text("time"), Text("step"), Text("kind"), Text("message")];

            string Text(string field) => entry.TryGetProperty(field, out JsonElement value) ? $"{value}" : "";
        }
    }

    /// <summary>Parses a line of a log; null for a line that is still being written.</summary>
    private static JsonElement? Parsed(string line)
    {
        try
        {
            return JsonDocument.Parse(line).RootElement;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void Heading(StringBuilder page, string text) => page.Append("<h2>").Append(text).Append("</h2>\n");

    private static void Table(StringBuilder page, string[] head, IEnumerable<string[]> rows)
    {
        page.Append("<table>\n");
        if (head.Length > 0) Row(head, "th");
        foreach (string[] row in rows) Row(row, "td");
        page.Append("</table>\n");

        void Row(string[] cells, string tag) => page.Append("<tr>").AppendJoin("", cells.Select(cell => $"<{tag}>{Encoded(cell)}</{tag}>")).Append("</tr>\n");
    }

    private static string Encoded(string text) => HtmlEncoder.Default.Encode(text);

    private static string Percent(CurvePoint point) => point.TestAccuracy.ToString("0.00", CultureInfo.InvariantCulture) + " %";
}
