using Amazon.S3;
using Spikeformer.Checkpoints;
using Spikeformer.Runs;

namespace Spikeformer.ObjectStore;

/// <summary>Where runs keep their checkpoints: in the run directory, in another folder, or in an object store.</summary>
public static class CheckpointPlaces
{
    /// <summary>Environment variable with the place below which runs keep theirs, each under its name, when they name none.</summary>
    public const string Variable = "Spikeformer__Checkpoints";

    // One client for the process: it holds the connections.
    private static readonly Lazy<IAmazonS3> s_s3 = new(() => S3Settings.OfEnvironment().Connect());

    /// <summary>Opens the place of a run's checkpoints; see <see cref="CheckpointPlace"/>.</summary>
    public static ICheckpointFiles Open(RunDirectory directory, RunDescription description, Action<string> warn)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(description);
        return description.Checkpoints switch
        {
            null => new LocalCheckpointFiles(directory.CheckpointsFolder),
            { } place when S3Address.IsOne(place) =>
                new S3CheckpointFiles(s_s3.Value, S3Address.Parse(place), new(description.Run, description.StartId, directory.Path), warn),
            { } folder => new LocalCheckpointFiles(folder),
        };
    }

    /// <summary>The place of a run that names none: below <see cref="Variable"/>, or null for its own directory.</summary>
    /// <param name="run">Its name.</param>
    /// <exception cref="SpikeformerException">The variable is wrong (Usage).</exception>
    public static string? DefaultOf(string run) => Below(Environment.GetEnvironmentVariable(Variable), run);

    internal static string? Below(string? place, string run) => place switch
    {
        null or "" => null,
        _ when S3Address.IsOne(place) => S3Address.Parse(place).Of(run).ToString(),
        _ => Path.Combine(Path.GetFullPath(place), run),
    };

    /// <summary>A place as it is stored with a run: an address in its plain form, or an absolute folder.</summary>
    /// <param name="place">An address, or a folder.</param>
    /// <exception cref="SpikeformerException">The address is wrong (Usage).</exception>
    public static string Normalized(string place) => S3Address.IsOne(place) ? S3Address.Parse(place).ToString() : Path.GetFullPath(place);
}
