using System.IO.Hashing;

namespace Spikeformer.Data.Images;

/// <summary>Reads and decodes image files into memory that is used again. Not thread-safe.</summary>
internal sealed class ImageFile
{
    private byte[] _bytes = new byte[256 << 10];

    /// <summary>The image that was decoded last.</summary>
    public PixelImage Image { get; } = new();

    /// <summary>Reads a file and finds out whether it is an image.</summary>
    /// <exception cref="SpikeformerException">It cannot be read; names it.</exception>
    public IndexedImage Look(string path)
    {
        ReadOnlySpan<byte> file = Read(path);
        UInt128 hash = XxHash128.HashToUInt128(file);
        return ImageDecoder.Decode(file, Image) is { } problem ? new(hash, 0, 0, problem) : new(hash, Image.Width, Image.Height, null);
    }

    /// <summary>Reads and decodes a file that was looked at before.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hash">The hash that it had.</param>
    /// <exception cref="SpikeformerException">It cannot be read, has changed, or cannot be decoded any more; names it.</exception>
    public void Decode(string path, UInt128 hash)
    {
        ReadOnlySpan<byte> file = Read(path);
        if (XxHash128.HashToUInt128(file) != hash)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{path}: the file is not the one that it was when the data were prepared",
                "Restore it, or leave the data alone while they are in use and start again");
        if (ImageDecoder.Decode(file, Image) is { } problem)
            throw new SpikeformerException(ErrorKind.CheckFailed, $"{path} cannot be decoded: {problem}", "Prepare the data again");
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
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or OverflowException)
        {
            throw new SpikeformerException(ErrorKind.NotFound, $"{path} cannot be read: {error.Message.TrimEnd('.')}",
                "Check that it exists and that you may read it", error);
        }
    }
}
