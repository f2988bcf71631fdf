using Spectre.Console;
using Spikeformer.Data;
using Spikeformer.Data.Frames;
using Spikeformer.Data.Images;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data inspect</c> for photographs: shows counts, classes, sizes and bad files.</summary>
internal static class InspectImages
{
    public static int Run(Terminal terminal, DataRecipe fields, string? folder, Split split, int sample, string? png)
    {
        var cache = new FrameCacheOptions { Warn = terminal.Say };
        if (folder is null) throw new SpikeformerException(ErrorKind.Usage, "Data of the kind image-folder needs a folder", "Give it with --data");
        ImageFolderListing listing = ImageFolderListing.Of(folder);
        ImageFolderIndex index = ImageFolderIndex.Open(listing, cache, new ImageProgress(terminal, "read").Note);
        using var dataset = new ImageFolderDataset(listing, index, ImageOptions.From(fields) with { BadFiles = BadFiles.Skip });
        if (png is not null) Render(dataset, split, sample, png);
        ImageSplitInspection[] splits = [ImageSplitInspection.Of(listing, index, Split.Train), ImageSplitInspection.Of(listing, index, Split.Test)];
        if (terminal.Json)
        {
            terminal.PrintJson(new
            {
                SchemaVersion = 1, Data = dataset.Name, dataset.ContentHash,
                Frames = new[] { dataset.Shape.TimeSteps, dataset.Shape.Channels, dataset.Shape.Height, dataset.Shape.Width },
                Classes = dataset.ClassNames,
                Splits = splits.Select(s => new
                {
                    Split = Name(s.Split), s.Samples, s.ClassCounts, s.Bytes,
                    Width = new[] { s.Width.Low, s.Width.High }, Height = new[] { s.Height.Low, s.Height.High },
                }),
                BadFiles = dataset.BadFiles.Select(file => new { file.Path, file.Problem }),
            });
            return 0;
        }
        Table table = new Table().Border(TableBorder.Simple).AddColumns(dataset.Name, "train", "test");
        Row("images", s => $"{s.Samples}");
        Row("width, pixels", s => $"{s.Width.Low} to {s.Width.High}");
        Row("height, pixels", s => $"{s.Height.Low} to {s.Height.High}");
        Row("megabytes", s => FormattableString.Invariant($"{s.Bytes / 1e6:0.0}"));
        for (int c = 0; c < dataset.ClassNames.Count; c++) Row($"class {dataset.ClassNames[c]}", s => $"{s.ClassCounts[c]}");
        terminal.Screen.Write(table);
        terminal.Print($"frames: 1 of 3x{dataset.Shape.Height}x{dataset.Shape.Width}; content hash {dataset.ContentHash}");
        foreach ((string path, string problem) in dataset.BadFiles) terminal.Print($"bad: {path}: {problem}");
        return 0;

        void Row(string name, Func<ImageSplitInspection, string> value) =>
            table.AddRow([Markup.Escape(name), .. splits.Select(s => Markup.Escape(value(s)))]);
    }

    private static void Render(ImageFolderDataset dataset, Split split, int index, string file)
    {
        if (index < 0 || index >= dataset.Count(split))
            throw new SpikeformerException(ErrorKind.Usage, $"There is no {Name(split)} sample {index}", $"Choose --sample from 0 to {dataset.Count(split) - 1}");
        PixelImage pixels = dataset.ReadPixels(split, index);
        DataInspectVerb.Save(new(pixels.Width, pixels.Height, pixels.ToRgb()), file);
    }

    private static string Name(Split split) => split.ToString().ToLowerInvariant();
}
