using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;

namespace Spikeformer.TestKit.ObjectStore;

/// <summary>
/// A local imitation of S3, in memory and on the loopback device. It implements the part of S3's HTTP interface that we use (put, get with ranges,
/// head, delete, list version 2 with pages, multipart uploads, conditional requests, SHA-256 checksums) and checks the signature of every request.
/// Writes are visible at once, as in S3. A test can make it fail.
/// </summary>
public sealed class LocalS3 : IDisposable
{
    /// <summary>The only access key.</summary>
    public const string AccessKey = "local-key", SecretKey = "local-secret";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly List<Socket> _connections = [];
    private readonly string _bucket;
    private readonly SortedDictionary<string, Stored> _objects = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Upload> _uploads = [];
    private int _begun;

    /// <summary>Starts the store on a free port.</summary>
    /// <param name="bucket">Name of the only bucket.</param>
    public LocalS3(string bucket = "checkpoints")
    {
        _bucket = bucket;
        _listener.Start();
        Endpoint = new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        Start(Accept);
    }

    private sealed record Stored(byte[] Content, string ETag, string? UploadNonce = null);

    private sealed record Upload(string Key, string? Nonce, SortedDictionary<int, Stored> Parts);

    private sealed record Answer(HttpStatusCode Status, byte[] Body, params (string Name, string Value)[] Headers);

    /// <summary>The address of the store.</summary>
    public Uri Endpoint { get; }

    /// <summary>The environment variables that a process needs to use the store.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["Spikeformer__S3__Endpoint"] = Endpoint.ToString(), ["AWS_ACCESS_KEY_ID"] = AccessKey, ["AWS_SECRET_ACCESS_KEY"] = SecretKey,
    };

    /// <summary>Chooses the fault for a request. Called for one request at a time.</summary>
    public Func<S3Request, S3Fault>? Fault { get; set; }

    /// <summary>Whether writes support If-Match and If-None-Match. If not, such requests get the answer 501.</summary>
    public bool KnowsConditions { get; set; } = true;

    /// <summary>Number of entries per page of a list.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>Minimum size of a part of a multipart upload, except the last; 5 MiB as in S3.</summary>
    public int MinPartBytes { get; set; } = 5 << 20;

    /// <summary>All requests received, including those with a wrong signature.</summary>
    public ConcurrentQueue<S3Request> Requests { get; } = [];

    /// <summary>The keys of all objects.</summary>
    public IReadOnlyList<string> Keys
    {
        get
        {
            lock (_lock) return [.. _objects.Keys];
        }
    }

    /// <summary>Number of multipart uploads that are neither completed nor aborted.</summary>
    public int Uploads
    {
        get
        {
            lock (_lock) return _uploads.Count;
        }
    }

    /// <summary>The bytes of an object. Tests can read or damage them without a request.</summary>
    public byte[] this[string key]
    {
        get
        {
            lock (_lock) return _objects[key].Content;
        }
        set
        {
            lock (_lock) _objects[key] = Store(value);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Cancel();
        _listener.Stop();
        lock (_lock) _connections.ForEach(connection => connection.Dispose());
    }

    private static void Start(Action action) => new Thread(() => action()) { IsBackground = true, Name = "local S3" }.Start();

    private void Accept()
    {
        try
        {
            while (true)
            {
                Socket socket = _listener.AcceptSocket();
                lock (_lock) _connections.Add(socket);
                Start(() => Converse(socket));
            }
        }
        catch (Exception error) when (error is SocketException or InvalidOperationException)
        {
            // The store was disposed.
        }
    }

    private void Converse(Socket socket)
    {
        using var connection = new S3Connection(socket);
        try
        {
            while (connection.Read() is { } request && AnswerTo(connection, request)) { }
        }
        catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
        {
            // The client has disconnected, or the test has ended.
        }
    }

    /// <summary>Answers a request, unless a fault prevents it.</summary>
    /// <returns>Whether to keep the connection open.</returns>
    private bool AnswerTo(S3Connection connection, S3Request request)
    {
        Requests.Enqueue(request);
        S3Fault fault;
        lock (_lock) fault = Fault?.Invoke(request) ?? S3Fault.None;
        if (fault is S3Fault.Silence) _end.Token.WaitHandle.WaitOne();
        if (fault is S3Fault.Silence or S3Fault.Drop) return false;
        Answer answer = fault switch
        {
            S3Fault.Unavailable => Error(HttpStatusCode.ServiceUnavailable, "SlowDown"),
            S3Fault.TooMany => Error(HttpStatusCode.TooManyRequests, "TooManyRequests"),
            S3Fault.Internal => Error(HttpStatusCode.InternalServerError, "InternalError"),
            S3Fault.Forbidden => Error(HttpStatusCode.Forbidden, "AccessDenied"),
            _ => S3Signature.Problem(request, AccessKey, SecretKey) is { } problem ? Error(HttpStatusCode.Forbidden, problem) : Serve(request),
        };
        if (fault is S3Fault.DropAnswer) return false;
        bool isHalf = fault is S3Fault.HalfAnswer;
        connection.Write((int)answer.Status, answer.Headers, answer.Body, isWithoutBody: request.Method == "HEAD", isHalf);
        return !isHalf;
    }

    private Answer Serve(S3Request request)
    {
        if (request.Bucket != _bucket) return Error(HttpStatusCode.NotFound, "NoSuchBucket");
        lock (_lock)
        {
            return (request.Method, request.Key) switch
            {
                ("GET", "") when request.Has("uploads") => ListUploads(request),
                ("GET", "") when request["list-type"] == "2" => List(request),
                ("POST", not "") when request.Has("uploads") => Begin(request),
                ("POST", not "") when request["uploadId"] is { } id => Complete(request, id),
                ("PUT", not "") when request["uploadId"] is { } id => PutPart(request, id),
                ("DELETE", not "") when request["uploadId"] is { } id => Abort(id),
                ("PUT", not "") => Put(request),
                ("GET" or "HEAD", not "") => Get(request),
                ("DELETE", not "") => Delete(request.Key),
                _ => Error(HttpStatusCode.NotImplemented, "NotImplemented"),
            };
        }
    }

    private Answer Put(S3Request request)
    {
        if (ConditionProblem(request) is { } refusal) return refusal;
        if (request.Headers["x-amz-copy-source"] is { } source) return Copy(Uri.UnescapeDataString(source).TrimStart('/'), request.Key);
        if (ChecksumProblem(request) is { } damage) return damage;
        Stored stored = _objects[request.Key] = Store(request.Body);
        return new(HttpStatusCode.OK, [], ("ETag", stored.ETag));
    }

    private Answer Copy(string source, string key)
    {
        if (!source.StartsWith(_bucket + "/", StringComparison.Ordinal) || !_objects.TryGetValue(source[(_bucket.Length + 1)..], out Stored? stored))
            return Error(HttpStatusCode.NotFound, "NoSuchKey");
        _objects[key] = Store(stored.Content);
        return Xml("CopyObjectResult", new XElement("ETag", _objects[key].ETag));
    }

    private Answer Get(S3Request request)
    {
        if (!_objects.TryGetValue(request.Key, out Stored? stored)) return Error(HttpStatusCode.NotFound, "NoSuchKey");
        if (request.Headers["If-Match"] is { } wanted && wanted != stored.ETag) return Error(HttpStatusCode.PreconditionFailed, "PreconditionFailed");
        (string, string)[] headers = [("ETag", stored.ETag), .. stored.UploadNonce is { } nonce ? [("x-amz-meta-upload", nonce)] : Array.Empty<(string, string)>()];
        if (request.Headers["Range"]?.Split('=', '-') is not [_, var first, var last]) return new(HttpStatusCode.OK, stored.Content, headers);
        int begin = int.Parse(first, CultureInfo.InvariantCulture), end = Math.Min(int.Parse(last, CultureInfo.InvariantCulture) + 1, stored.Content.Length);
        if (begin >= stored.Content.Length) return Error(HttpStatusCode.RequestedRangeNotSatisfiable, "InvalidRange");
        return new(HttpStatusCode.PartialContent, stored.Content[begin..end], [.. headers, ("Content-Range", $"bytes {begin}-{end - 1}/{stored.Content.Length}")]);
    }

    private Answer Delete(string key)
    {
        _objects.Remove(key);
        return new(HttpStatusCode.NoContent, []);
    }

    private Answer List(S3Request request)
    {
        (string prefix, string delimiter) = (request["prefix"] ?? "", request["delimiter"] ?? "");
        string after = request["continuation-token"] is { } token ? Encoding.UTF8.GetString(Convert.FromBase64String(token)) : "";
        var entries = _objects.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => (Name: Folded(key), IsFolder: Folded(key) != key))
            .Distinct().Where(entry => string.CompareOrdinal(entry.Name, after) > 0).ToList();
        var page = entries.Take(PageSize).ToList();
        bool isTruncated = page.Count < entries.Count;
        return Xml("ListBucketResult", new XElement("IsTruncated", isTruncated), new XElement("KeyCount", page.Count),
            isTruncated ? new XElement("NextContinuationToken", Convert.ToBase64String(Encoding.UTF8.GetBytes(page[^1].Name))) : null,
            page.Where(entry => !entry.IsFolder).Select(entry => new XElement("Contents", new XElement("Key", entry.Name),
                new XElement("ETag", _objects[entry.Name].ETag), new XElement("Size", _objects[entry.Name].Content.Length))),
            page.Where(entry => entry.IsFolder).Select(entry => new XElement("CommonPrefixes", new XElement("Prefix", entry.Name))));

        string Folded(string key) => delimiter != "" && key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal) is >= 0 and var at ? key[..(at + 1)] : key;
    }

    private Answer ListUploads(S3Request request)
    {
        var entries = _uploads.Where(upload => upload.Value.Key.StartsWith(request["prefix"] ?? "", StringComparison.Ordinal))
            .OrderBy(upload => (upload.Value.Key, upload.Key)).ToList();
        if (request["key-marker"] is { Length: > 0 } key)
            entries = [.. entries.SkipWhile(upload => (upload.Value.Key, upload.Key).CompareTo((key, request["upload-id-marker"] ?? "")) <= 0)];
        var page = entries.Take(PageSize).ToList();
        bool isTruncated = page.Count < entries.Count;
        return Xml("ListMultipartUploadsResult", new XElement("IsTruncated", isTruncated),
            isTruncated ? new[] { new XElement("NextKeyMarker", page[^1].Value.Key), new XElement("NextUploadIdMarker", page[^1].Key) } : null,
            page.Select(upload => new XElement("Upload", new XElement("Key", upload.Value.Key), new XElement("UploadId", upload.Key))));
    }

    private Answer Begin(S3Request request)
    {
        string id = $"upload-{_begun++:d6}";
        _uploads[id] = new(request.Key, request.Headers["x-amz-meta-upload"], []);
        return Xml("InitiateMultipartUploadResult", new XElement("Key", request.Key), new XElement("UploadId", id));
    }

    private Answer PutPart(S3Request request, string id)
    {
        if (!_uploads.TryGetValue(id, out Upload? upload)) return Error(HttpStatusCode.NotFound, "NoSuchUpload");
        if (ChecksumProblem(request) is { } damage) return damage;
        Stored part = upload.Parts[int.Parse(request["partNumber"]!, CultureInfo.InvariantCulture)] = Store(request.Body);
        return new(HttpStatusCode.OK, [], ("ETag", part.ETag));
    }

    private Answer Complete(S3Request request, string id)
    {
        if (!_uploads.TryGetValue(id, out Upload? upload)) return Error(HttpStatusCode.NotFound, "NoSuchUpload");
        if (ConditionProblem(request) is { } refusal) return refusal;
        XElement[] named = [.. XDocument.Parse(Encoding.UTF8.GetString(request.Body)).Root!.Elements().Where(element => element.Name.LocalName == "Part")];
        var parts = new List<Stored>();
        foreach (XElement element in named)
        {
            string Value(string name) => element.Elements().First(child => child.Name.LocalName == name).Value;
            if (!upload.Parts.TryGetValue(int.Parse(Value("PartNumber"), CultureInfo.InvariantCulture), out Stored? part) || part.ETag.Trim('"') != Value("ETag").Trim('"')
                || Value("ChecksumSHA256") != Checksum(part.Content))
                return Error(HttpStatusCode.BadRequest, "InvalidPart");
            parts.Add(part);
        }
        if (parts.SkipLast(1).Any(part => part.Content.Length < MinPartBytes)) return Error(HttpStatusCode.BadRequest, "EntityTooSmall");
        Stored whole = Store([.. parts.SelectMany(part => part.Content)]);
        _objects[upload.Key] = whole with { ETag = $"{whole.ETag[..^1]}-{parts.Count}\"", UploadNonce = upload.Nonce };
        _uploads.Remove(id);
        return Xml("CompleteMultipartUploadResult", new XElement("Key", upload.Key), new XElement("ETag", _objects[upload.Key].ETag));
    }

    private Answer Abort(string id) => _uploads.Remove(id) ? new(HttpStatusCode.NoContent, []) : Error(HttpStatusCode.NotFound, "NoSuchUpload");

    private Answer? ConditionProblem(S3Request request)
    {
        (string? match, string? noneMatch) = (request.Headers["If-Match"], request.Headers["If-None-Match"]);
        if ((match ?? noneMatch) is null) return null;
        if (!KnowsConditions) return Error(HttpStatusCode.NotImplemented, "NotImplemented");
        string? now = _objects.TryGetValue(request.Key, out Stored? stored) ? stored.ETag : null;
        return noneMatch == "*" && now is not null || match is not null && match != now ? Error(HttpStatusCode.PreconditionFailed, "PreconditionFailed") : null;
    }

    private static Answer? ChecksumProblem(S3Request request) => request.Headers["x-amz-checksum-sha256"] is { } given && given != Checksum(request.Body)
        ? Error(HttpStatusCode.BadRequest, "BadDigest")
        : null;

    private static string Checksum(byte[] content) => Convert.ToBase64String(SHA256.HashData(content));

    // Like S3. Clients check it.
    private static Stored Store(byte[] content) => new(content, $"\"{Convert.ToHexStringLower(MD5.HashData(content))}\"");

    private static Answer Error(HttpStatusCode status, string code) =>
        Xml("Error", new XElement("Code", code), new XElement("Message", $"The local imitation says {code}")) with { Status = status };

    private static Answer Xml(string root, params object?[] content) =>
        new(HttpStatusCode.OK, Encoding.UTF8.GetBytes("<?xml version=\"1.0\" encoding=\"UTF-8\"?>" + new XElement(root, content)), ("Content-Type", "application/xml"));
}
