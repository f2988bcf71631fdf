using Spikeformer.Data.Frames;
using Spikeformer.Data.Images;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data verify image-folder</c>: compares every byte of every image with the index.</summary>
internal static class VerifyImageFolder
{
    public static Command Create(Interruption interruption)
    {
        Option<string> source = PrepareImageFolder.Source();
        var command = new Command("image-folder", "Compare every image with its hash in the index of 'data prepare image-folder'") { source };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            ImageFolderListing listing = ImageFolderListing.Of(parsed.GetRequiredValue(source));
            ImageFolderVerification found =
                ImageFolderVerification.Of(listing, new FrameCacheOptions(), new ImageProgress(terminal, "compared").Note, interruption.Token);
            if (terminal.Json) terminal.PrintJson(new { SchemaVersion = 1, found.Compared, found.Changed, found.New, found.Bad });
            else
                terminal.Print($"{found.Compared} images compared: {found.Changed.Count} changed, {found.Bad.Count} cannot be decoded, "
                    + $"{found.New.Count} new or touched since 'data prepare image-folder'.");
            foreach (string path in found.Changed) terminal.Say($"{path}: its content has changed");
            foreach (string path in found.Bad) terminal.Say($"{path}: cannot be decoded");
            return found.Changed.Count + found.Bad.Count + found.New.Count > 0 ? (int)ErrorKind.CheckFailed : 0;
        });
        return command;
    }
}
