using System.IO.Hashing;

namespace Spikeformer.Data.Images;

/// <summary>Reads and decodes image files into reused memory. Not thread-safe.</summary>
internal sealed class ImageFile
{
    private byte[] _bytes = new byte[256 << 10];

    /// <summary>The last decoded image.</summary>
    public PixelImage Image { get; } = new();

    /// <summary>Reads a file and checks whether it can be decoded.</summary>
    /// <exception cref="SpikeformerException">The file cannot be read. The message names it.</exception>
    public IndexedImage Inspect(string path)
    {
        ReadOnlySpan<byte> file = Read(path);
        UInt128 hash = XxHash128.HashToUInt128(file);
        return ImageDecoder.Decode(file, Image) is { } problem ? new(hash, 0, 0, problem) : new(hash, Image.Width, Image.Height, null);
    }

    /// <summary>Reads and decodes a file of the index.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hash">The hash in the index.</param>
    /// <exception cref="SpikeformerException">The file cannot be read, has changed, or can no longer be decoded. The message names it.</exception>
    public void Decode(string path, UInt128 hash)
    {
        ReadOnlySpan<byte> file = Read(path);
        if (XxHash128.HashToUInt128(file) != hash)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{path}: the file has changed since the data set was opened",
                "Restore it, or start again. Do not change data while it is in use");
        if (ImageDecoder.Decode(file, Image) is { } problem)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{path} cannot be decoded: {problem}", "Restore the file, or prepare the data again");
    }

    private ReadOnlySpan<byte> Read(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            long length = RandomAccess.GetLength(file);
            if (length > _bytes.Length) _bytes = new byte[length];
            int read = 0;
            while (read < length && RandomAccess.Read(file, _bytes.AsSpan(read, (int)length - read), read) is > 0 and var more) read += more;
            return _bytes.AsSpan(0, read);
        }
        catch (Exception error) when (StorageErrors.IsStorage(error) || error is OverflowException)
        {
            throw StorageErrors.CannotRead(path, error);
        }
    }
}
