using System.Collections.Specialized;
using System.Net;
using System.Web;

namespace Spikeformer.TestKit.ObjectStore;

/// <summary>A request as <see cref="LocalS3"/> got it.</summary>
/// <param name="Method">GET, PUT, …</param>
/// <param name="Bucket">The bucket.</param>
/// <param name="Key">The key; empty for the bucket itself.</param>
/// <param name="Query">The query.</param>
/// <param name="Headers">The headers.</param>
/// <param name="Body">The body.</param>
public sealed record S3Request(string Method, string Bucket, string Key, NameValueCollection Query, NameValueCollection Headers, byte[] Body)
{
    /// <summary>Whether it changes what is stored.</summary>
    public bool IsChange => Method is not ("GET" or "HEAD");

    /// <summary>A value of the query, or null.</summary>
    public string? this[string name] => Query[name];

    /// <summary>Whether the query has a name, with or without a value.</summary>
    public bool Has(string name) => Query[name] is not null || Query.GetValues(null)?.Contains(name) == true;

    /// <inheritdoc/>
    public override string ToString() => $"{Method} {Bucket}/{Key}?{Query}";

    internal static S3Request Of(HttpListenerRequest request)
    {
        string[] path = Uri.UnescapeDataString(request.RawUrl!.Split('?')[0]).TrimStart('/').Split('/', 2);
        using var body = new MemoryStream();
        request.InputStream.CopyTo(body);
        return new(request.HttpMethod, path[0], path.Length > 1 ? path[1] : "", HttpUtility.ParseQueryString(request.Url!.Query), request.Headers, body.ToArray());
    }
}
