using Spikeformer.Data.Frames;
using Spikeformer.Data.Images;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data prepare image-folder</c>: reads every photograph once, so that runs start without delay and bad files are known.</summary>
internal static class PrepareImageFolder
{
    public static Command Create(Interruption interruption)
    {
        Option<string> source = Source();
        var command = new Command("image-folder", "Index all images in train|val/CLASS, so that runs start without delay") { source };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            bool warned = false;
            var cache = new FrameCacheOptions
            {
                Warn = message =>
                {
                    warned = true;
                    terminal.Say(message);
                },
            };
            ImageFolderListing listing = ImageFolderListing.Of(parsed.GetRequiredValue(source));
            ImageFolderIndex index = ImageFolderIndex.Open(listing, cache, new ImageProgress(terminal, "read").Note, interruption.Token);
            IReadOnlyList<(string Path, string Problem)> bad = index.BadFiles(listing);
            if (terminal.Json)
                terminal.PrintJson(new
                {
                    SchemaVersion = 1, Data = "image-folder", Classes = listing.ClassNames.Count,
                    TrainSamples = listing.Train.Count, TestSamples = listing.Test.Count,
                    BadFiles = bad.Select(file => new { file.Path, file.Problem }), ImageDecoder.JpegLibrary, cache.ResolvedFolder,
                });
            else
                terminal.Print($"image-folder: {listing.ClassNames.Count} classes, {listing.Train.Count} training and {listing.Test.Count} test images, "
                    + $"{bad.Count} of them bad; index in {cache.ResolvedFolder}.");
            foreach ((string path, string problem) in bad) terminal.Say($"{path}: {problem}");
            if (bad.Count > 0) terminal.Say("Restore or remove these files, or skip them in a run with --set data.badFiles=skip.");
            return bad.Count > 0 ? (int)ErrorKind.CheckFailed : warned ? (int)ErrorKind.Failed : 0;
        });
        return command;
    }

    /// <summary>The folder of images.</summary>
    public static Option<string> Source() => new("--source") { Description = "Folder with the folders train and val", HelpName = "DIR", Required = true };
}
