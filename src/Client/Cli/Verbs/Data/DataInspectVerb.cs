using SkiaSharp;
using Spectre.Console;
using Spikeformer.Data;
using Spikeformer.Data.Datasets;
using Spikeformer.Data.Events;
using Spikeformer.Files;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data inspect</c>: shows counts, classes and ranges of a data set, and renders a sample.</summary>
internal static class DataInspectVerb
{
    public static Command Create()
    {
        (Option<string> recipe, Option<string[]> set, Option<string?> data) = RecipeOptions.OfData();
        var split = new Option<Split>("--split") { Description = "Split of the rendered sample", DefaultValueFactory = _ => Split.Train };
        var sample = new Option<int>("--sample") { Description = "Number of the rendered sample", HelpName = "N" };
        var png = new Option<string?>("--png")
        {
            Description = "PNG file for the frames of a sample: ON events red, OFF events blue; a photograph as the evaluation sees it", HelpName = "FILE",
        };
        var command = new Command("inspect", "Show counts, classes and ranges of a data set") { recipe, set, data, split, sample, png };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            DataRecipe fields = RecipeCatalogue.Load(parsed.GetRequiredValue(recipe), parsed.GetValue(set)).Data;
            if (fields.Kind == DataKind.ImageFolder)
                return InspectImages.Run(terminal, fields, parsed.GetValue(data), parsed.GetValue(split), parsed.GetValue(sample), parsed.GetValue(png));
            using IDataset dataset = DatasetCatalogue.OpenUncached(fields, parsed.GetValue(data), terminal.Say);
            if (parsed.GetValue(png) is { } file) Render(dataset, parsed.GetValue(split), parsed.GetValue(sample), file);
            SplitInspection[] splits = [DatasetInspection.Of(dataset, Split.Train), DatasetInspection.Of(dataset, Split.Test)];
            Show(terminal, dataset, splits);
            return 0;
        });
        return command;
    }

    private static void Show(Terminal terminal, IDataset dataset, SplitInspection[] splits)
    {
        if (terminal.Json)
        {
            terminal.PrintJson(new
            {
                SchemaVersion = 1,
                Data = dataset.Name,
                dataset.ContentHash,
                Frames = new[] { dataset.Shape.TimeSteps, dataset.Shape.Channels, dataset.Shape.Height, dataset.Shape.Width },
                Classes = dataset.ClassNames,
                Splits = splits.Select(s => new
                {
                    Split = Name(s.Split), s.Samples, s.ClassCounts, s.MinEvents, s.MeanEvents, s.MaxEvents, s.OnEvents, s.OffEvents,
                    X = Pair(s.X?.Low, s.X?.High), Y = Pair(s.Y?.Low, s.Y?.High), Microseconds = Pair(s.Microseconds?.Low, s.Microseconds?.High),
                    s.OverflowWords, s.BackwardSteps, s.LeftOut,
                }),
            });
            return;
        }
        SampleShape shape = dataset.Shape;
        Table table = new Table().Border(TableBorder.Simple).AddColumns(Markup.Escape(dataset.Name), "train", "test");
        Row("samples", s => $"{s.Samples}");
        Row("events per sample", s => FormattableString.Invariant($"{s.MinEvents} to {s.MaxEvents}, mean {s.MeanEvents:0}"));
        Row("ON / OFF events", s => $"{s.OnEvents} / {s.OffEvents}");
        Row("x, y", s => $"{s.X?.Low}..{s.X?.High}, {s.Y?.Low}..{s.Y?.High}");
        if (dataset is RecordingDataset)
        {
            Row("time, microseconds", s => $"{s.Microseconds?.Low}..{s.Microseconds?.High}");
            Row("overflow words, backward steps, left out", s => $"{s.OverflowWords}, {s.BackwardSteps}, {s.LeftOut}");
        }
        for (int c = 0; c < dataset.ClassNames.Count; c++) Row($"class {dataset.ClassNames[c]}", s => $"{s.ClassCounts[c]}");
        terminal.Screen.Write(table);
        terminal.Print($"frames: {shape.TimeSteps} of {shape.Channels}x{shape.Height}x{shape.Width}; content hash {dataset.ContentHash}");

        void Row(string name, Func<SplitInspection, string> value) => table.AddRow([Markup.Escape(name), .. splits.Select(s => Markup.Escape(value(s)))]);
        static object? Pair(object? low, object? high) => low is null ? null : new[] { low, high };
    }

    private static void Render(IDataset dataset, Split split, int index, string file)
    {
        if (index < 0 || index >= dataset.Count(split))
            throw new SpikeformerException(ErrorKind.Usage, $"There is no {Name(split)} sample {index}", $"Choose --sample from 0 to {dataset.Count(split) - 1}");
        var frames = new float[dataset.Shape.Elements];
        dataset.Read(split, index, null, frames);
        Save(FramePreview.Render(frames, dataset.Shape), file);
    }

    /// <summary>Writes an image as PNG.</summary>
    public static unsafe void Save(RgbImage image, string file)
    {
        using var bitmap = new SKBitmap(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var pixels = new Span<byte>((void*)bitmap.GetPixels(), bitmap.ByteCount);
        for (int i = 0; i < image.Width * image.Height; i++)
        {
            image.Pixels.AsSpan(3 * i, 3).CopyTo(pixels[(4 * i)..]);
            pixels[4 * i + 3] = 255;
        }
        using SKData encoded = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        try
        {
            AtomicFile.WriteAllBytes(Path.GetFullPath(file), encoded.ToArray());
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SpikeformerException(ErrorKind.Failed, $"{file} cannot be written: {error.Message.TrimEnd('.')}", "Choose another file with --png", error);
        }
    }

    private static string Name(Split split) => split.ToString().ToLowerInvariant();
}
