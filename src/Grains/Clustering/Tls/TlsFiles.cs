namespace Spikeformer.Clustering.Tls;

/// <summary>The contents of the files of <see cref="TlsSettings"/>. They are small and are read for every connection. Changes are detected by content,
/// so it does not matter how files are replaced.</summary>
/// <param name="Certificate">The certificate; null if none is configured.</param>
/// <param name="Key">The certificate's key; null if none is configured.</param>
/// <param name="Authority">The authority.</param>
internal sealed record TlsFiles(byte[]? Certificate, byte[]? Key, byte[] Authority)
{
    private const int MaxBytes = 1 << 20;

    /// <summary>Reads the files.</summary>
    /// <exception cref="SpikeformerException">A file cannot be read (Usage).</exception>
    public static TlsFiles Read(TlsSettings settings) => new(
        settings.Certificate is { } certificate ? Read(settings, nameof(TlsSettings.Certificate), certificate) : null,
        settings.Key is { } key ? Read(settings, nameof(TlsSettings.Key), key) : null,
        Read(settings, nameof(TlsSettings.Authority), settings.Authority));

    /// <summary>Whether the contents are equal.</summary>
    public bool IsSameAs(TlsFiles other) => IsSame(Certificate, other.Certificate) && IsSame(Key, other.Key) && IsSame(Authority, other.Authority);

    /// <summary>Returns the error for a setting whose file is wrong.</summary>
    public static SpikeformerException Wrong(TlsSettings settings, string setting, string problem, string remedy, Exception? inner = null)
    {
        string? file = setting switch { nameof(TlsSettings.Certificate) => settings.Certificate, nameof(TlsSettings.Key) => settings.Key, _ => settings.Authority };
        return new(ErrorKind.Usage, $"{settings.NameOf(setting)} = '{file}': {problem}", remedy, inner);
    }

    private static byte[] Read(TlsSettings settings, string setting, string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            if (file.Length > MaxBytes) throw Wrong(settings, setting, $"the file has more than {MaxBytes >> 20} MiB", "Give the file of a certificate or key");
            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Wrong(settings, setting, "the file does not exist", "Check the path and its mount", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Wrong(settings, setting, $"the file cannot be read: {error.Message.TrimEnd('.')}", "Give a file that this user may read", error);
        }
    }

    private static bool IsSame(byte[]? left, byte[]? right) => left is null || right is null ? left == right : left.AsSpan().SequenceEqual(right);
}
