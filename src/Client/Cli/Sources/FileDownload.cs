using System.Net;
using System.Net.Http.Headers;
using Spikeformer.Data.Datasets;

namespace Spikeformer.Cli.Sources;

/// <summary>
/// Downloads files of known content. A file exists only when it is complete and checked. Until then the part that has arrived is kept in a file
/// beside it, and the next attempt asks the server for the rest.
/// </summary>
/// <param name="http">Sends the requests.</param>
/// <param name="time">Clock of the pauses between attempts.</param>
/// <param name="say">Gets a sentence at each stage, or null.</param>
internal sealed class FileDownload(HttpClient http, TimeProvider time, Action<string>? say = null)
{
    private const int Attempts = 5;

    /// <summary>Pause before the second attempt; each further pause is twice as long.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest time without a byte before an attempt ends.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Downloads a file unless it exists.</summary>
    /// <param name="url">Where from.</param>
    /// <param name="path">Where to; the folder must exist.</param>
    /// <param name="md5">Expected MD5 in lower-case hex.</param>
    /// <param name="cancellation">Stops; the next call continues.</param>
    /// <exception cref="SpikeformerException">The server refuses or cannot be reached, the content is not the expected one, or the file cannot be
    /// written.</exception>
    public async Task GetAsync(Uri url, string path, string md5, CancellationToken cancellation)
    {
        if (File.Exists(path))
        {
            if (Md5.Of(path, cancellation) == md5) return;
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{path} exists but is not the published file (MD5 {md5})", "Remove it, then download again");
        }
        string part = $"{path}.part";
        for (int attempt = 1; ; attempt++)
            try
            {
                await FetchAsync(url, part, cancellation);
                break;
            }
            catch (Exception e) when (IsTransient(e) && !cancellation.IsCancellationRequested)
            {
                if (attempt == Attempts)
                    throw new SpikeformerException(ErrorKind.Failed, $"{url} cannot be downloaded: {e.Message.TrimEnd('.')}",
                        "Check the connection and run the command again; it continues where it stopped", e);
                say?.Invoke($"{url}: {e.Message.TrimEnd('.')}; trying again");
                await Task.Delay(Pause * Math.Pow(2, attempt - 1), time, cancellation);
            }
            catch (Exception e) when (IsStorage(e))
            {
                throw new SpikeformerException(ErrorKind.Failed, $"{part} cannot be written: {e.Message.TrimEnd('.')}", "Free some space or choose another folder", e);
            }
        string sum = Md5.Of(part, cancellation);
        if (sum != md5)
        {
            File.Delete(part);
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{url} gave a file with the MD5 sum {sum}, not {md5}",
                "Try again; if the sum stays the same, the file was changed at its source");
        }
        File.Move(part, path);
        say?.Invoke($"Downloaded {path}; its MD5 sum is the published one");
    }

    private async Task FetchAsync(Uri url, string part, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var silence = new CancellationTokenSource(Patience, time);
        using CancellationTokenRegistration giveUp = silence.Token.Register(patience.Cancel);
        try
        {
            long have = File.Exists(part) ? new FileInfo(part).Length : 0;
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            if (have > 0) request.Headers.Range = new RangeHeaderValue(have, null);
            using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            // The part is as long as the file or longer; its sum decides.
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && have > 0) return;
            if (!response.IsSuccessStatusCode)
                throw (int)response.StatusCode is >= 500 or 408 or 429
                    ? new HttpRequestException($"the server answers {(int)response.StatusCode} {response.ReasonPhrase}")
                    : new SpikeformerException(ErrorKind.Failed, $"{url}: the server answers {(int)response.StatusCode} {response.ReasonPhrase}",
                        "Check whether the file has moved, or download it by hand");
            bool continues = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == have;
            if (have > 0) say?.Invoke(continues ? $"{url}: continuing after {have} bytes" : $"{url}: the server cannot continue; starting over");
            await using var file = new FileStream(part, continues ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.None);
            await using Stream body = await response.Content.ReadAsStreamAsync(patience.Token);
            long missing = response.Content.Headers.ContentLength ?? -1;
            var buffer = new byte[1 << 16];
            for (int read; (read = await body.ReadAsync(buffer, patience.Token)) > 0; missing -= read)
            {
                silence.CancelAfter(Patience);
                await file.WriteAsync(buffer.AsMemory(0, read), cancellation);
            }
            if (missing > 0) throw new HttpIOException(HttpRequestError.ResponseEnded, $"the connection ended {missing} bytes early");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new HttpRequestException($"nothing arrived for {Patience.TotalSeconds:0} s");
        }
    }

    private static bool IsTransient(Exception e) => e is HttpRequestException or HttpIOException
        || e is IOException { InnerException: System.Net.Sockets.SocketException };

    private static bool IsStorage(Exception e) => e is IOException or UnauthorizedAccessException;
}
