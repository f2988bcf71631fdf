using Amazon.S3;
using Spikeformer.Checkpoints;
using Spikeformer.Runs;

namespace Spikeformer.ObjectStore;

/// <summary>Places for the checkpoints of runs: the run directory, another folder, or an object store.</summary>
public static class CheckpointPlaces
{
    /// <summary>Environment variable with the place for the checkpoints of runs that do not name one. Each run uses its own name below it.</summary>
    public const string Variable = "Spikeformer__Checkpoints";

    // One client for the whole process, because it holds the connections.
    private static readonly Lazy<IAmazonS3> s_s3 = new(() => S3Settings.OfEnvironment().Connect());

    /// <summary>Opens the place of a run's checkpoints. Suitable as a <see cref="CheckpointPlace"/>.</summary>
    /// <param name="directory">The run directory.</param>
    /// <param name="description">The run.</param>
    /// <param name="warn">Called with warnings.</param>
    /// <exception cref="SpikeformerException">The address or the store's settings are wrong (Usage).</exception>
    public static ICheckpointFiles Open(RunDirectory directory, RunDescription description, Action<string> warn)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(description);
        return description.Checkpoints switch
        {
            null => new LocalCheckpointFiles(directory.CheckpointsFolder),
            { } place when S3Address.IsAddress(place) =>
                new S3CheckpointFiles(s_s3.Value, S3Address.Parse(place), new(description.Run, description.StartId, directory.Path), warn),
            { } folder => new LocalCheckpointFiles(folder),
        };
    }

    /// <summary>Returns the place of a run that does not name one: below <see cref="Variable"/>, or null for the run directory.</summary>
    /// <param name="run">Name of the run.</param>
    /// <exception cref="SpikeformerException">The variable is wrong (Usage).</exception>
    public static string? DefaultOf(string run) => Below(Environment.GetEnvironmentVariable(Variable), run);

    internal static string? Below(string? place, string run) => place switch
    {
        null or "" => null,
        _ when S3Address.IsAddress(place) => S3Address.Parse(place).Below(run).ToString(),
        _ => Path.Combine(Path.GetFullPath(place), run),
    };

    /// <summary>Returns a place in the form that is stored with a run: a normalized address, or the absolute path of a folder.</summary>
    /// <param name="place">An address or a folder.</param>
    /// <exception cref="SpikeformerException">The address is wrong (Usage).</exception>
    public static string Normalized(string place) => S3Address.IsAddress(place) ? S3Address.Parse(place).ToString() : Path.GetFullPath(place);
}
