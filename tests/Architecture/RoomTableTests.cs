using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Architecture;

public sealed class RoomTableTests
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "docs", "architecture.md"));
    private static readonly string[] s_folders = [.. Folders(Path.Combine(TestData.RepositoryRoot, "src"))];

    [Fact]
    public void The_page_on_architecture_tells_the_purpose_of_every_folder() => Assert.Empty(RoomTable.Problems(s_page, s_folders));

    [Fact]
    public void Each_error_in_the_tables_is_found()
    {
        const string page = """
            ## Other tables

            | `Model/Elsewhere` | Stands in another section. |

            ## Rooms

            | folder | purpose |
            | --- | --- |
            | `Model` | The network. |
            | `Model/Twice` | Named twice. |
            | `Model/Twice` | Named again. |
            | `Model/Gone` | Removed from disk. |
            | `Model/Empty` | |
            | `Model/Copy` | The network. |

            ## More
            """;
        Assert.Equal(
            [
                "Model/Elsewhere has no row", "Model/Gone is no folder", "Model/Twice has 2 rows", "Model/Empty has no purpose",
                "Model and Model/Copy have the same purpose",
            ], RoomTable.Problems(page, ["Model", "Model/Twice", "Model/Empty", "Model/Copy", "Model/Elsewhere"]));
    }

    private static IEnumerable<string> Folders(string src) =>
        from folder in Directory.EnumerateDirectories(src, "*", SearchOption.AllDirectories)
        let path = Path.GetRelativePath(src, folder)
        where !path.Split('/').Any(part => part is "bin" or "obj")
        select path;
}
