using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Spikeformer.Runs;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Runs;

public sealed partial class EventKindsTests
{
    /// <summary>The folders of the classes that send or read events.</summary>
    private static readonly string[] s_rooms = ["Model/Runs", "Grains/Runs", "Silo/Worker", "Client"];

    private static readonly FieldInfo[] s_kinds = typeof(EventKinds).GetFields();

    [Fact]
    public void The_page_lists_exactly_the_kinds_and_their_comments()
    {
        Dictionary<string, string> comments = XDocument.Load(Path.ChangeExtension(typeof(EventKinds).Assembly.Location, ".xml")).Descendants("member")
            .ToDictionary(member => member.Attribute("name")!.Value, member => member.Element("summary")?.Value ?? "");
        string[] page = [.. File.ReadLines(Path.Combine(TestData.RepositoryRoot, "docs", "events.md")).Where(line => line.StartsWith("| `", StringComparison.Ordinal))];
        Assert.Equal(s_kinds.Select(kind => $"| `{kind.GetRawConstantValue()}` | {Spaces().Replace(comments[$"F:{typeof(EventKinds).FullName}.{kind.Name}"], " ")} |"), page);
    }

    [Fact]
    public void A_kind_is_spelled_like_its_constant_and_only_once()
    {
        Assert.All(s_kinds, kind => Assert.Equal(char.ToLowerInvariant(kind.Name[0]) + kind.Name[1..], kind.GetRawConstantValue()));
        Assert.Equal(s_kinds.Length, s_kinds.Select(kind => kind.GetRawConstantValue()).Distinct().Count());
    }

    [Fact]
    public void No_event_is_sent_or_read_with_a_literal_kind()
    {
        string source = Path.Combine(TestData.RepositoryRoot, "src");
        var literals = from room in s_rooms
                       from file in Directory.EnumerateFiles(Path.Combine(source, room), "*.cs", SearchOption.AllDirectories)
                       where !Path.GetRelativePath(source, file).Split('/').Any(part => part is "bin" or "obj")
                       from line in File.ReadLines(file)
                       where LiteralKind().IsMatch(line)
                       select $"{Path.GetFileName(file)}: {line.Trim()}";
        Assert.Empty(literals);
    }

    [GeneratedRegex("""
        (_?report|Report|Happened)\((\w+ \? )?"|\[\("|Kind (=|==|!=|is|is not) \(?"|\("kind"\) (==|is) "
        """)]
    private static partial Regex LiteralKind();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
