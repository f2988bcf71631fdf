using System.Globalization;
using Spectre.Console;
using Spikeformer.Cli.Sources;
using Spikeformer.Network;
using Spikeformer.Training;

namespace Spikeformer.Cli.Evaluations;

/// <summary>The results of an evaluation, as tables or as one JSON object.</summary>
/// <param name="Weights">The evaluated weights.</param>
/// <param name="ClassNames">The classes in the order of the network's outputs.</param>
/// <param name="Split">The split of the data.</param>
/// <param name="Result">Accuracy and loss.</param>
/// <param name="Confusion">Number of samples by [label, predicted class].</param>
/// <param name="Operations">Operations and activity of a sample.</param>
internal sealed record EvaluationReport(
    WeightSource Weights, IReadOnlyList<string> ClassNames, string Split, EvaluationResult Result, long[,] Confusion, OperationCounts Operations)
{
    private const int MatrixClasses = 20, ConfusionsShown = 10;

    private double ReferenceLoss => Result.ReferenceLoss(Weights.Recipe.Batch);

    /// <summary>Prints the report.</summary>
    public void Show(Terminal terminal)
    {
        if (terminal.Json)
        {
            terminal.PrintJson(Fields());
            return;
        }
        terminal.Screen.Write(new Table().Border(TableBorder.Simple).AddColumns("weights", Markup.Escape(Weights.Name))
            .AddRow("checkpoint", Weights.Step is { } step ? $"step {step}" : "-")
            .AddRow("split", $"{Split}, {Result.Samples} samples")
            .AddRow("accuracy", $"{Formats.Of(Result.Accuracy, "0.0000")} (top-5 {Formats.Of(Result.Top5Accuracy, "0.0000")})")
            .AddRow("loss", $"{Formats.Of(Result.Loss, "0.0000")} (mean over batches, as the authors compute it: {Formats.Of(ReferenceLoss, "0.0000")})"));
        ShowConfusion(terminal);
        ShowOperations(terminal);
    }

    private object Fields() => new
    {
        SchemaVersion = 1, Run = Weights.Name, Weights.Step, Split, Result.Samples, Result.Accuracy, Top5 = Result.Top5Accuracy, Result.Loss, ReferenceLoss,
        ClassNames, Confusion = Enumerable.Range(0, ClassNames.Count).Select(Row),
        Layers = Operations.Layers.Select(layer => new
        {
            layer.Name, DenseMacs = layer.Dense, layer.Macs, SynapticOperations = layer.Acs, InputMean = layer.Input?.Mean, InputNonZero = layer.Input?.NonZero,
            FiringRate = layer.Spikes?.NonZero,
        }),
        Energy = new
        {
            Operations.Macs, SynapticOperations = Operations.Acs, DenseMacs = Operations.Dense, Operations.Microjoules, Operations.DenseMicrojoules, OperationCounts.Formula,
        },
    };

    private long[] Row(int label) => [.. Enumerable.Range(0, ClassNames.Count).Select(predicted => Confusion[label, predicted])];

    /// <summary>Shows the matrix if it fits the screen, or else the most frequent confusions.</summary>
    private void ShowConfusion(Terminal terminal)
    {
        IReadOnlyList<string> names = ClassNames;
        if (names.Count <= MatrixClasses)
        {
            Table matrix = new Table().Border(TableBorder.Simple).AddColumn("label \\ predicted");
            for (int c = 0; c < names.Count; c++) matrix.AddColumn(new TableColumn($"{c}").RightAligned());
            for (int label = 0; label < names.Count; label++)
                matrix.AddRow([Markup.Escape($"{label} {names[label]}"), .. Row(label).Select(count => count == 0 ? "." : $"{count}")]);
            terminal.Screen.Write(matrix);
            return;
        }
        var mistakes = from label in Enumerable.Range(0, names.Count)
                       from predicted in Enumerable.Range(0, names.Count)
                       where label != predicted && Confusion[label, predicted] > 0
                       orderby Confusion[label, predicted] descending
                       select (Label: names[label], Predicted: names[predicted], Samples: Confusion[label, predicted]);
        Table table = new Table().Border(TableBorder.Simple).AddColumns("label", "predicted", "samples");
        foreach (var mistake in mistakes.Take(ConfusionsShown)) table.AddRow(Markup.Escape(mistake.Label), Markup.Escape(mistake.Predicted), $"{mistake.Samples}");
        terminal.Screen.Write(table);
    }

    private void ShowOperations(Terminal terminal)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("layer");
        foreach (string name in new[] { "firing rate", "mean input", "dense MACs", "MACs", "synaptic operations" }) table.AddColumn(new TableColumn(name).RightAligned());
        foreach (LayerOperations layer in Operations.Layers)
            table.AddRow(layer.Name, Rate(layer.Spikes?.NonZero), Rate(layer.Input?.Mean), Count(layer.Dense), Count(layer.Macs), Count(layer.Acs));
        table.AddRow("per sample", "", "", Count(Operations.Dense), Count(Operations.Macs), Count(Operations.Acs));
        terminal.Screen.Write(table);
        terminal.Print($"Estimated energy per sample: {Formats.Of(Operations.Microjoules, "0.###")} uJ; the same network without spikes: {Formats.Of(Operations.DenseMicrojoules, "0.###")} uJ.");
        terminal.Print(OperationCounts.Formula);
        terminal.Print("45 nm CMOS, float32 (Horowitz, ISSCC 2014); arithmetic only, without memory, norms, neurons and softmax.");
    }

    private static string Rate(double? rate) => rate is { } value ? Formats.Of(value, "0.0000") : "";

    private static string Count(double operations) => operations == 0 ? "-" : operations.ToString("#,0", CultureInfo.InvariantCulture);
}
