using Spikeformer.Cli.Verbs.Data;

namespace Spikeformer.Cli.Verbs;

/// <summary><c>data</c>: downloads, inspects, prepares and verifies data sets. Each verb below it, and each kind of <c>prepare</c>, has its own file.</summary>
internal static class DataVerb
{
    public static Command Create(Interruption interruption) => new("data", "Download, inspect, prepare and verify data sets")
    {
        DataInspectVerb.Create(),
        DataDownloadVerb.Create(),
        DataPrepareVerb.Create(interruption),
        DataVerifyVerb.Create(interruption),
    };
}
