using System.Globalization;
using System.Text.RegularExpressions;

namespace Spikeformer.Data.Images;

/// <summary>Reads the classes of ImageNet's validation images from any file that lists them: <c>valprep.sh</c>, which the authors refer to (the script
/// is parsed, not run), Kaggle's <c>LOC_val_solution.csv</c>, or the ground truth and synsets of the development kit.</summary>
public static partial class ValidationLabels
{
    /// <summary>Reads a file of labels.</summary>
    /// <param name="file">The file. Its content determines its kind.</param>
    /// <param name="synsets">For ground truth, whose lines are numbers: the file with the class of each number, one per line, either <c>NUMBER WNID
    /// ...</c> or <c>WNID ...</c> in the order of the numbers 1, 2, ... The development kit's numbers are not in alphabetical order.</param>
    /// <returns>The class (wnid) of each image, by file name without folder and extension.</returns>
    /// <exception cref="SpikeformerException">A file is missing, or a line has an unknown form. The message names the file and the line.</exception>
    public static IReadOnlyDictionary<string, string> Read(string file, string? synsets = null)
    {
        string[] lines = Lines(file);
        string first = lines.FirstOrDefault(line => line.Trim().Length > 0)
            ?? throw new SpikeformerException(ErrorKind.Usage, $"{file} is empty", "Give valprep.sh, LOC_val_solution.csv or the ground truth");
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        if (int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out _)) ReadGroundTruth(file, lines, synsets, labels);
        else if (first.StartsWith("ImageId", StringComparison.OrdinalIgnoreCase)) ReadSolution(file, lines, labels);
        else ReadScript(file, lines, labels);
        return labels.Count > 0
            ? labels
            : throw new SpikeformerException(ErrorKind.Usage, $"{file} names no images", "Give valprep.sh, LOC_val_solution.csv or the ground truth");
    }

    private static void ReadScript(string file, string[] lines, Dictionary<string, string> labels)
    {
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            if (line.Length == 0 || line.StartsWith('#') || line.StartsWith("mkdir", StringComparison.Ordinal)) continue;
            Match move = Move().Match(line);
            if (!move.Success) throw Wrong(file, i, line, "neither 'mkdir -p WNID' nor 'mv IMAGE WNID/'");
            Add(file, i, move.Groups["image"].Value, move.Groups["wnid"].Value, labels);
        }
    }

    private static void ReadSolution(string file, string[] lines, Dictionary<string, string> labels)
    {
        for (int i = 1; i < lines.Length; i++)
        {
            if (lines[i].Trim().Length == 0) continue;
            Match row = SolutionRow().Match(lines[i].Trim());
            if (!row.Success) throw Wrong(file, i, lines[i], "not 'IMAGE,WNID x y x y ...'");
            Add(file, i, row.Groups["image"].Value, row.Groups["wnid"].Value, labels);
        }
    }

    private static void ReadGroundTruth(string file, string[] lines, string? synsets, Dictionary<string, string> labels)
    {
        if (synsets is null)
            throw new SpikeformerException(ErrorKind.Usage, $"{file} holds class numbers, not class names",
                "Give the file with their names with --synsets");
        Dictionary<int, string> classes = Synsets(synsets);
        for (int i = 0, image = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim().Length == 0) continue;
            if (!int.TryParse(lines[i], NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int number)
                || !classes.TryGetValue(number, out string? wnid))
                throw Wrong(file, i, lines[i], $"not one of the {classes.Count} classes in {synsets}");
            Add(file, i, string.Create(CultureInfo.InvariantCulture, $"ILSVRC2012_val_{++image:D8}"), wnid, labels);
        }
    }

    private static Dictionary<int, string> Synsets(string file)
    {
        var classes = new Dictionary<int, string>();
        string[] lines = Lines(file);
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].Trim().Length == 0) continue;
            Match row = SynsetRow().Match(lines[i].Trim());
            if (!row.Success) throw Wrong(file, i, lines[i], "neither 'NUMBER WNID ...' nor 'WNID ...'");
            int number = row.Groups["number"] is { Success: true } given
                ? int.Parse(given.Value, CultureInfo.InvariantCulture)
                : classes.Count + 1;
            if (!classes.TryAdd(number, row.Groups["wnid"].Value)) throw Wrong(file, i, lines[i], $"a second class of number {number}");
        }
        return classes;
    }

    private static void Add(string file, int line, string image, string wnid, Dictionary<string, string> labels)
    {
        if (!labels.TryAdd(image, wnid) && labels[image] != wnid)
            throw Wrong(file, line, image, $"given a second class, {wnid} after {labels[image]}");
    }

    private static string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error))
        {
            throw StorageErrors.CannotRead(file, error);
        }
    }

    private static SpikeformerException Wrong(string file, int line, string text, string what) =>
        new(ErrorKind.Usage, $"{file}, line {line + 1}: '{(text.Length > 80 ? text[..80] + ".." : text)}' is {what}",
            "Give valprep.sh, LOC_val_solution.csv or the ground truth");

    [GeneratedRegex(@"^mv\s+(\./)?(?<image>[\w-]+)\.\w+\s+(\./)?(?<wnid>n\d{8})/?$")]
    private static partial Regex Move();

    [GeneratedRegex(@"^(?<image>[\w-]+),(?<wnid>n\d{8})(\s.*)?$")]
    private static partial Regex SolutionRow();

    [GeneratedRegex(@"^((?<number>\d{1,6})\s+)?(?<wnid>n\d{8})(\s.*)?$")]
    private static partial Regex SynsetRow();
}
