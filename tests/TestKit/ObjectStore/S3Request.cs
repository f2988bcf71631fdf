using System.Collections.Specialized;
using System.Web;

namespace Spikeformer.TestKit.ObjectStore;

/// <summary>A request to <see cref="LocalS3"/>.</summary>
/// <param name="Method">GET, PUT, …</param>
/// <param name="Target">Path and query in their original form, which the signature covers.</param>
/// <param name="Headers">The headers.</param>
/// <param name="Body">The body.</param>
public sealed record S3Request(string Method, string Target, NameValueCollection Headers, byte[] Body)
{
    private readonly NameValueCollection _query = HttpUtility.ParseQueryString(Target.Contains('?', StringComparison.Ordinal) ? Target.Split('?', 2)[1] : "");

    /// <summary>The bucket.</summary>
    public string Bucket => Path[0];

    /// <summary>The key; empty for the bucket itself.</summary>
    public string Key => Path.Length > 1 ? Path[1] : "";

    /// <summary>Whether the request changes the store.</summary>
    public bool IsChange => Method is not ("GET" or "HEAD");

    /// <summary>Returns a value of the query, or null.</summary>
    public string? this[string name] => _query[name];

    private string[] Path => Uri.UnescapeDataString(Target.Split('?')[0]).TrimStart('/').Split('/', 2);

    /// <summary>Whether the query contains a name, with or without a value.</summary>
    public bool Has(string name) => _query[name] is not null || _query.GetValues(null)?.Contains(name) == true;
}
