using System.CommandLine;
using Spikeformer.Cli.Shell;
using Spikeformer.Data.Images;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data prepare imagenet-val</c>: sorts ImageNet's validation images into class folders, as the script valprep.sh does.</summary>
internal static class PrepareImageNetVal
{
    private const int Named = 5;

    public static Command Create(Interruption interruption)
    {
        var source = new Option<string>("--source") { Description = "Folder that holds the validation images", HelpName = "DIR", Required = true };
        var labels = new Option<string>("--labels")
        {
            Description = "valprep.sh (read, not run), LOC_val_solution.csv, or ILSVRC2012_validation_ground_truth.txt",
            HelpName = "FILE", Required = true,
        };
        var synsets = new Option<string?>("--synsets")
        {
            Description = "For ground truth: lines 'NUMBER WNID', or 'WNID' in the order of the development kit's numbers", HelpName = "FILE",
        };
        var target = new Option<string?>("--out") { Description = "Folder of the class folders (default: the source)", HelpName = "DIR" };
        var by = new Option<SortBy>("--by") { Description = "How images get there: move, copy or link", DefaultValueFactory = _ => SortBy.Move };
        var command = new Command("imagenet-val", "Sort ImageNet's validation images into class folders; may be stopped and started again")
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
                terminal.Print($"{sorted}: {result.Sorted} images sorted, {result.There} were there already, {result.Missing.Count} are missing, "
                    + $"{result.Unlabelled} files without a label stay where they are.");
            if (result.Missing.Count == 0) return 0;
            terminal.Say($"Missing: {string.Join(", ", result.Missing.Take(Named))}{(result.Missing.Count > Named ? ", .." : "")}. "
                + "Unpack all of ILSVRC2012_img_val.tar into the source.");
            return (int)ErrorKind.CheckFailed;
        });
        return command;
    }
}
