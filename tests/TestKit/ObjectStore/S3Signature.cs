using System.Collections.Specialized;
using System.Security.Cryptography;
using System.Text;

namespace Spikeformer.TestKit.ObjectStore;

/// <summary>Checks AWS Signature Version 4 like S3: over method, path, query, signed headers and the hash of the body.</summary>
/// <remarks>Source: Amazon S3 API reference, "Authenticating requests: using the Authorization header".</remarks>
internal static class S3Signature
{
    /// <summary>Returns S3's error code for a wrong signature, or null for a valid one.</summary>
    /// <param name="request">The request.</param>
    /// <param name="accessKey">The only valid access key.</param>
    /// <param name="secretKey">The secret of the access key.</param>
    public static string? Problem(S3Request request, string accessKey, string secretKey)
    {
        NameValueCollection headers = request.Headers;
        if (headers["Authorization"] is not { } authorization || !authorization.StartsWith("AWS4-HMAC-SHA256 ", StringComparison.Ordinal)) return "AccessDenied";
        Dictionary<string, string> fields = authorization["AWS4-HMAC-SHA256 ".Length..].Split(',', StringSplitOptions.TrimEntries)
            .Select(field => field.Split('=', 2)).ToDictionary(field => field[0], field => field[1]);
        string[] scope = fields["Credential"].Split('/');
        if (scope[0] != accessKey) return "InvalidAccessKeyId";
        string bodyHash = headers["x-amz-content-sha256"] ?? "";
        if (bodyHash != Hex(SHA256.HashData(request.Body))) return "XAmzContentSHA256Mismatch";

        string[] path = request.Target.Split('?', 2);
        string query = string.Join('&', (path.Length > 1 ? path[1] : "").Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Contains('=', StringComparison.Ordinal) ? pair : pair + "=").Order(StringComparer.Ordinal));
        string[] signed = fields["SignedHeaders"].Split(';');
        string canonicalHeaders = string.Concat(signed.Select(name => $"{name}:{headers[name]?.Trim()}\n"));
        string canonical = $"{request.Method}\n{path[0]}\n{query}\n{canonicalHeaders}\n{string.Join(';', signed)}\n{bodyHash}";
        string toSign = $"AWS4-HMAC-SHA256\n{headers["x-amz-date"]}\n{string.Join('/', scope[1..])}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        byte[] key = Encoding.UTF8.GetBytes("AWS4" + secretKey);
        foreach (string part in scope[1..]) key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        return Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign))) == fields["Signature"] ? null : "SignatureDoesNotMatch";
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
