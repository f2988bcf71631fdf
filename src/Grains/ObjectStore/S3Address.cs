namespace Spikeformer.ObjectStore;

/// <summary>A place in an object store, <c>s3://bucket/prefix</c>.</summary>
/// <param name="Bucket">The bucket.</param>
/// <param name="Prefix">Prefix of all keys: empty, or with a slash at its end.</param>
internal sealed record S3Address(string Bucket, string Prefix)
{
    private const string Scheme = "s3://";

    /// <summary>Whether a text is meant as an address of an object store.</summary>
    public static bool IsAddress(string text) => text is not null && text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads an address.</summary>
    /// <exception cref="SpikeformerException">The text is not an address (Usage).</exception>
    public static S3Address Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = IsAddress(text) ? text[Scheme.Length..].TrimEnd('/').Split('/') : [];
        if (parts.Length == 0 || !IsBucket(parts[0]) || !parts.Skip(1).All(IsSegment))
            throw new SpikeformerException(ErrorKind.Usage, $"'{text}' is not an address of an object store",
                "Give s3://BUCKET/PREFIX: a bucket has 3 to 63 lowercase letters, digits, hyphens and dots; a prefix has letters, digits, hyphens, underscores, dots and slashes");
        return new(parts[0], string.Concat(parts.Skip(1).Select(part => part + "/")));
    }

    /// <summary>Returns the address of a place below this one.</summary>
    public S3Address Below(string name) => this with { Prefix = $"{Prefix}{name}/" };

    /// <inheritdoc/>
    public override string ToString() => $"{Scheme}{Bucket}/{Prefix}".TrimEnd('/');

    private static bool IsBucket(string name) => name.Length is >= 3 and <= 63 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.')
        && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1]);

    // Only characters that every program encodes in the same way.
    private static bool IsSegment(string name) => name.Length is > 0 and <= 200 && name is not ("." or "..")
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
