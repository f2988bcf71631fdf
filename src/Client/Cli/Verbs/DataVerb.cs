using System.CommandLine;
using Spikeformer.Cli.Shell;
using Spikeformer.Cli.Verbs.Data;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>data</c>: gets, looks at, prepares and checks data sets. Each verb below it, and each kind of <c>prepare</c>, has a file of its own.</summary>
internal static class DataVerb
{
    public static Command Create(Interruption interruption) => new("data", "Get, look at, prepare and check data sets")
    {
        DataInspectVerb.Create(),
        DataDownloadVerb.Create(),
        DataPrepareVerb.Create(interruption),
        DataVerifyVerb.Create(interruption),
    };
}
