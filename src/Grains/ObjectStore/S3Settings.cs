using Amazon;
using Amazon.Runtime;
using Amazon.S3;

namespace Spikeformer.ObjectStore;

/// <summary>Settings of the object store. They do not include credentials, which come only from the SDK's own chain: environment, files, and the machine's
/// role.</summary>
internal sealed record S3Settings
{
    /// <summary>Names of the settings in the section <c>Spikeformer:S3</c>, or as <c>Spikeformer__S3__NAME</c> in the environment.</summary>
    public static IReadOnlyList<string> Names { get; } = [nameof(Endpoint), nameof(Region), nameof(PathStyle)];

    /// <summary>Address of a store other than Amazon's; null for Amazon's, or for the one in the SDK's own environment variables.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>Region for which requests are signed; null takes the SDK's, or <c>us-east-1</c> with an <see cref="Endpoint"/>.</summary>
    public string? Region { get; init; }

    /// <summary>Whether the bucket is part of the path instead of the host name; by default on with an <see cref="Endpoint"/>, otherwise off.</summary>
    public bool PathStyle { get; init; }

    /// <summary>Reads the settings from this process's environment.</summary>
    /// <exception cref="SpikeformerException">A setting is wrong (Usage).</exception>
    public static S3Settings OfEnvironment()
    {
        var problems = new List<string>();
        S3Settings settings = Read(name => Environment.GetEnvironmentVariable(Variable(name)), (name, problem) => problems.Add($"{Variable(name)}: {problem}"));
        return problems.Count == 0 ? settings : throw new SpikeformerException(ErrorKind.Usage, string.Join("; ", problems), "Correct the environment");
    }

    /// <summary>Reads the settings.</summary>
    /// <param name="value">Returns the text of a setting; null or empty if it is not given.</param>
    /// <param name="complain">Called with the name of a wrong setting and its problem.</param>
    public static S3Settings Read(Func<string, string?> value, Action<string, string> complain)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(complain);
        Uri? endpoint = null;
        if (value(nameof(Endpoint)) is { Length: > 0 } address
            && !(Uri.TryCreate(address, UriKind.Absolute, out endpoint) && endpoint.Scheme is "http" or "https" && endpoint.PathAndQuery == "/"))
            complain(nameof(Endpoint), "give http://HOST:PORT or https://HOST");
        bool pathStyle = endpoint is not null;
        switch (value(nameof(PathStyle))?.ToLowerInvariant())
        {
            case null or "": break;
            case "on" or "true": pathStyle = true; break;
            case "off" or "false": pathStyle = false; break;
            default: complain(nameof(PathStyle), "give on or off"); break;
        }
        return new() { Endpoint = endpoint, Region = value(nameof(Region)) is { Length: > 0 } region ? region : null, PathStyle = pathStyle };
    }

    /// <summary>Writes the settings to the environment of a process to be started.</summary>
    public void ApplyTo(IDictionary<string, string?> environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        environment[Variable(nameof(Endpoint))] = Endpoint?.ToString();
        environment[Variable(nameof(Region))] = Region;
        environment[Variable(nameof(PathStyle))] = PathStyle ? "on" : "off";
    }

    /// <summary>Creates a client of the store. No request is sent yet.</summary>
    /// <param name="credentials">The credentials; null takes the SDK's chain.</param>
    /// <exception cref="SpikeformerException">No region is known (Usage).</exception>
    public IAmazonS3 Connect(AWSCredentials? credentials = null)
    {
        var config = new AmazonS3Config
        {
            ForcePathStyle = PathStyle,
            // S3Calls repeats requests. Retries of the SDK would multiply them.
            MaxErrorRetry = 0,
            // S3Upload sends SHA-256 itself, and readers compare contents with the manifest.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (Endpoint is not null) (config.ServiceURL, config.AuthenticationRegion) = (Endpoint.ToString(), Region ?? "us-east-1");
        else if (Region is not null) config.RegionEndpoint = RegionEndpoint.GetBySystemName(Region);
        try
        {
            return credentials is null ? new AmazonS3Client(config) : new AmazonS3Client(credentials, config);
        }
        catch (AmazonClientException error)
        {
            throw new SpikeformerException(ErrorKind.Usage, $"The object store cannot be used: {error.Message.TrimEnd('.')}",
                $"Set {Variable(nameof(Region))}, or {Variable(nameof(Endpoint))} for a store other than Amazon's", error);
        }
    }

    private static string Variable(string name) => $"Spikeformer__S3__{name}";
}
