using Spikeformer.Data.Images;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data prepare imagenet-val</c>: sorts ImageNet's validation images into class folders, as the script valprep.sh does.</summary>
internal static class PrepareImageNetVal
{
    private const int Named = 5;

    public static Command Create(Interruption interruption)
    {
        var source = new Option<string>("--source") { Description = "Folder of the validation images", HelpName = "DIR", Required = true };
        var labels = new Option<string>("--labels")
        {
            Description = "Labels: valprep.sh (read, not run), LOC_val_solution.csv, or ILSVRC2012_validation_ground_truth.txt",
            HelpName = "FILE", Required = true,
        };
        var synsets = new Option<string?>("--synsets")
        {
            Description = "For the ground truth: lines 'NUMBER WNID', or 'WNID' in the order of the numbers in the development kit", HelpName = "FILE",
        };
        var target = new Option<string?>("--out") { Description = "Folder of the class folders (default: the source)", HelpName = "DIR" };
        var by = new Option<SortBy>("--by") { Description = "How to place the images: move, copy or link", DefaultValueFactory = _ => SortBy.Move };
        var command = new Command("imagenet-val", "Sort the validation images of ImageNet into class folders; continue an interrupted run")
        {
            source, labels, synsets, target, by,
        };
        command.SetAction(parsed =>
        {
            Terminal terminal = Terminal.Of(parsed);
            string folder = parsed.GetRequiredValue(source), sorted = parsed.GetValue(target) ?? folder;
            SortResult result = ValidationSort.Run(folder, sorted,
                ValidationLabels.Read(parsed.GetRequiredValue(labels), parsed.GetValue(synsets)), parsed.GetValue(by), interruption.Token);
            if (terminal.Json)
                terminal.PrintJson(new
                {
                    SchemaVersion = 1, Folder = Path.GetFullPath(sorted), result.Sorted, result.There, Missing = result.Missing.Count, result.Unlabelled,
                });
            else
                terminal.Print($"{sorted}: {result.Sorted} images sorted, {result.There} already in place, {result.Missing.Count} missing, "
                    + $"{result.Unlabelled} files without a label not moved.");
            if (result.Missing.Count == 0) return 0;
            terminal.Say($"Missing: {string.Join(", ", result.Missing.Take(Named))}{(result.Missing.Count > Named ? ", .." : "")}. "
                + "Unpack all of ILSVRC2012_img_val.tar into the source folder.");
            return (int)ErrorKind.CheckFailed;
        });
        return command;
    }
}
