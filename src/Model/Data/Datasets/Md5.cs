using System.Security.Cryptography;

namespace Spikeformer.Data.Datasets;

/// <summary>Computes MD5 sums, which the publishers of the data sets list. They reveal damage, not forgery.</summary>
public static class Md5
{
    /// <summary>Returns the lower-case hex MD5 sum of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellation">Stops between two blocks.</param>
    /// <exception cref="SpikeformerException">The file cannot be read.</exception>
    public static string Of(string path, CancellationToken cancellation = default)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
            var part = new byte[1 << 20];
            for (int read; (read = file.Read(part)) > 0;)
            {
                cancellation.ThrowIfCancellationRequested();
                hash.AppendData(part, 0, read);
            }
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        catch (Exception e) when (StorageErrors.IsStorage(e))
        {
            throw StorageErrors.Explain(e, $"Cannot read {path}");
        }
    }
}
