using System.Diagnostics;
using System.Text.RegularExpressions;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Architecture;

/// <summary>What the build refuses, shown on the folder <c>Gates</c>: each line that breaks it ends with a comment that names the error.</summary>
public sealed partial class GateTests
{
    private static readonly string s_root = TestData.RepositoryRoot, s_violations = Path.Combine(s_root, "tests", "Architecture", "Gates");

    [Fact]
    public void The_build_breaks_on_each_marked_line_and_on_no_other()
    {
        using var folder = new TemporaryFolder();
        // A project of src, as the build files see it.
        string project = Path.Combine(folder.Path, "src", "Gates");
        foreach (string file in Directory.EnumerateFiles(s_root).Where(file => Path.GetFileName(file) is var name && (name.StartsWith("Directory.") || name is "global.json" or ".editorconfig")))
            File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        Copy(Path.Combine(s_root, "build"), Path.Combine(folder.Path, "build"));
        Copy(s_violations, project);
        string output = Dotnet(folder.Path, "build", project, "-c", "Release", "-nr:false", "-p:UseSharedCompilation=false", "-p:NuGetAudit=false", "-v:q");
        string[] expected =
        [
            .. from file in Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories)
               where !file.Contains("/obj/")
               from line in File.ReadAllLines(file).Index()
               let mark = Mark().Match(line.Item)
               where mark.Success
               select $"{Path.GetRelativePath(project, file)}:{line.Index + 1} {mark.Groups[1].Value}",
        ];
        string[] found = [.. Error().Matches(output).Select(error => $"{Path.GetRelativePath(project, error.Groups[1].Value)}:{error.Groups[2].Value} {error.Groups[3].Value}")];
        Assert.True(expected.Length > 0);
        Assert.True(expected.Order(StringComparer.Ordinal).SequenceEqual(found.Distinct().Order(StringComparer.Ordinal)), output);
    }

    [Fact]
    public void Every_banned_symbol_has_a_marked_line()
    {
        // A misspelled symbol bans nothing, without a word.
        int marked = Mark().Matches(File.ReadAllText(Path.Combine(s_violations, "Clocks.cs"))).Count(mark => mark.Groups[1].Value == "RS0030");
        Assert.Equal(File.ReadLines(Path.Combine(s_root, "build", "BannedSymbols.txt")).Count(), marked);
    }

    [Fact]
    public void A_badly_formatted_file_is_refused_and_a_good_one_is_not()
    {
        const string check = "dotnet format whitespace --verify-no-changes --folder .";
        Assert.Contains(check, File.ReadAllText(Path.Combine(s_root, ".ci", "run")));
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(s_root, ".editorconfig"), Path.Combine(folder.Path, ".editorconfig"));
        File.Copy(Path.Combine(s_violations, "Usings.cs"), Path.Combine(folder.Path, "Good.cs"));
        File.Copy(Path.Combine(s_violations, "Format.cs.txt"), Path.Combine(folder.Path, "Bad.cs"));
        string output = Dotnet(folder.Path, check.Split(' ')[1..]);
        Assert.Contains("Bad.cs(5,3): error WHITESPACE", output);
        Assert.DoesNotContain("Good.cs", output);
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private static string Dotnet(string folder, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return output.Result + error.Result;
    }

    [GeneratedRegex(@"// ([A-Z]+\d{4})$", RegexOptions.Multiline)]
    private static partial Regex Mark();

    [GeneratedRegex(@"^(/[^(\n]+)\((\d+),\d+\): error ([A-Z]+\d+):", RegexOptions.Multiline)]
    private static partial Regex Error();
}
