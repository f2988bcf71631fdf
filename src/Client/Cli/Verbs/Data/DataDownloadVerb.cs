using Spikeformer.Cli.Sources;
using Spikeformer.Data.Datasets;
using Spikeformer.Data.Recordings;
using Spikeformer.Files;

namespace Spikeformer.Cli.Verbs.Data;

/// <summary><c>data download</c>: downloads the published archives of a data set, if its owners allow it.</summary>
internal static class DataDownloadVerb
{
    public static Command Create()
    {
        var kind = new Argument<string>("dataset") { Description = "Data set: dvs-cifar10 or nmnist" };
        kind.AcceptOnlyFromAmong("dvs-cifar10", "nmnist", "dvs-gesture");
        var output = new Option<string>("--out") { Description = "Folder of the data set; the archives go to its folder download", HelpName = "DIR", Required = true };
        var command = new Command("download", "Download the published archives of a data set; continue an interrupted download") { kind, output };
        command.SetAction((parsed, cancellation) => RunAsync(Terminal.Of(parsed), parsed.GetRequiredValue(kind), parsed.GetRequiredValue(output), cancellation));
        return command;
    }

    private static async Task<int> RunAsync(Terminal terminal, string kind, string output, CancellationToken cancellation)
    {
        if (kind == DvsGesture.Name)
            throw new SpikeformerException(ErrorKind.Usage, "DVS128 Gesture cannot be downloaded by a program: its owners ask everyone to accept their terms",
                $"Download {DvsGesture.Archive} by hand from {PublishedFiles.GesturePage} and run 'spikeformer data prepare {DvsGesture.Name}'");
        IReadOnlyList<PublishedFile> files = kind == DvsCifar10.Name ? PublishedFiles.Cifar10Dvs : PublishedFiles.Nmnist;
        string folder = Path.Combine(output, "download");
        AtomicFile.CreateDirectory(folder);
        // An archive of gigabytes takes longer than any time-out for a whole response; FileDownload limits each read.
        using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        var download = new FileDownload(http, TimeProvider.System, terminal.Say);
        foreach (PublishedFile file in files) await download.GetAsync(file.Url!, Path.Combine(folder, file.Name), file.Md5, cancellation);
        if (terminal.Json) terminal.PrintJson(new { SchemaVersion = 1, Data = kind, Folder = folder, Files = files.Select(file => file.Name) });
        else terminal.Print($"{kind}: downloaded {files.Count} archives to {folder}. Next: spikeformer data prepare {kind} --source {output} --out DIR");
        return 0;
    }
}
