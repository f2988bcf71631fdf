using System.Net;
using System.Net.Sockets;
using System.Xml;
using Amazon.Runtime;
using Polly.Timeout;
using Spikeformer.Files;

namespace Spikeformer.ObjectStore;

/// <summary>Interprets errors of the SDK.</summary>
internal static class S3Errors
{
    private const HttpStatusCode NoStatus = 0;

    /// <summary>Whether the same request may succeed later. Among the 4xx statuses, only 429 qualifies.</summary>
    public static bool IsTransient(Exception error) => StatusIn(error) switch
    {
        HttpStatusCode.NotImplemented => false,
        HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError => true,
        // S3 may begin a long answer with 200 and fail afterwards.
        HttpStatusCode.OK => error is AmazonServiceException,
        NoStatus => IsOfNetwork(error),
        _ => false,
    };

    /// <summary>Returns the status of the answer that caused an error, or null if there was no answer.</summary>
    public static HttpStatusCode? StatusOf(StorageException error) => error.InnerException is AmazonServiceException answer ? answer.StatusCode : null;

    /// <summary>Whether the object or upload does not exist.</summary>
    public static bool IsMissing(StorageException error) =>
        error.InnerException is AmazonServiceException { StatusCode: HttpStatusCode.NotFound, ErrorCode: not "NoSuchBucket" };

    /// <summary>Returns an exception that says what an error means and what to do.</summary>
    /// <param name="error">The SDK's exception.</param>
    /// <param name="address">The place.</param>
    /// <param name="endpoint">The store, for messages.</param>
    public static StorageException Explain(Exception error, S3Address address, string endpoint)
    {
        if (error is AmazonServiceException answer && answer.StatusCode != NoStatus) return Explain(answer, address, endpoint);
        if (IsOfNetwork(error))
            return new(ErrorKind.Unreachable, $"{endpoint} does not answer: {FirstLine(error.GetBaseException())}", "Check the store, the network, and Spikeformer__S3__Endpoint", error);
        if (error is AmazonClientException && error.Message.Contains("credentials", StringComparison.OrdinalIgnoreCase))
            return new(ErrorKind.Usage, $"there are no credentials for {address}: {FirstLine(error)}",
                "Give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, or a profile, or give the machine a role", error);
        return new(ErrorKind.Failed, $"the request to {endpoint} failed: {error.GetType().Name}: {FirstLine(error)}", "Check the store and its settings", error);
    }

    private static StorageException Explain(AmazonServiceException answer, S3Address address, string endpoint)
    {
        string said = $"{endpoint} answers {(int)answer.StatusCode} {answer.ErrorCode}: {FirstLine(answer)}";
        return answer switch
        {
            { ErrorCode: "NoSuchBucket" } => new(ErrorKind.NotFound, $"there is no bucket {address.Bucket} ({said})", "Create it, or correct the address", answer),
            { ErrorCode: "AuthorizationHeaderMalformed" or "PermanentRedirect" or "IllegalLocationConstraintException" }
                or { StatusCode: HttpStatusCode.MovedPermanently or HttpStatusCode.TemporaryRedirect } =>
                new(ErrorKind.Usage, $"the bucket {address.Bucket} is in another region ({said})", "Set Spikeformer__S3__Region", answer),
            { StatusCode: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } => new(ErrorKind.Usage, $"no access to {address} ({said})",
                "Check the credentials and their permissions to list, get, put and delete", answer),
            _ when IsTransient(answer) => new(ErrorKind.Unreachable, $"the store does not serve requests ({said})", "Check the store", answer),
            _ => new(ErrorKind.Failed, $"the store refuses the request ({said})", "Check the store and its settings", answer),
        };
    }

    private static HttpStatusCode StatusIn(Exception error) => error is AmazonServiceException answer ? answer.StatusCode : NoStatus;

    // The SDK may take a truncated answer for a complete one and then fail to find XML in it.
    private static bool IsOfNetwork(Exception error)
    {
        for (Exception? cause = error; cause is not null; cause = cause.InnerException)
            if (cause is HttpRequestException or IOException or SocketException or OperationCanceledException or TimeoutRejectedException or XmlException) return true;
        return false;
    }

    private static string FirstLine(Exception error) => error.Message.Split('\n')[0].Trim().TrimEnd('.');
}
