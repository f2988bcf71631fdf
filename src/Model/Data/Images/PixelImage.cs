namespace Spikeformer.Data.Images;

/// <summary>An 8-bit colour image in reused memory: four bytes per pixel (red, green, blue, unused), row by row without gaps.</summary>
public sealed class PixelImage
{
    /// <summary>Bytes after the last pixel that kernels may read. Their values do not matter.</summary>
    private const int Padding = 32;

    private byte[] _bytes = new byte[Padding];

    /// <summary>Columns.</summary>
    public int Width { get; private set; }

    /// <summary>Rows.</summary>
    public int Height { get; private set; }

    /// <summary>The pixels: Width * Height * 4 bytes.</summary>
    public Span<byte> Bytes => _bytes.AsSpan(0, 4 * Width * Height);

    /// <summary>The pixels and the padding after them.</summary>
    internal Span<byte> Padded => _bytes.AsSpan(0, 4 * Width * Height + Padding);

    /// <summary>One row: Width * 4 bytes.</summary>
    public Span<byte> Row(int y) => _bytes.AsSpan(4 * Width * y, 4 * Width);

    /// <summary>Changes the size. The pixels are undefined afterwards.</summary>
    public void Resize(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        int bytes = checked(4 * width * height + Padding);
        if (_bytes.Length < bytes) _bytes = new byte[bytes];
        (Width, Height) = (width, height);
    }

    /// <summary>Copies another image into this one.</summary>
    public void CopyFrom(PixelImage other)
    {
        Resize(other.Width, other.Height);
        other.Bytes.CopyTo(Bytes);
    }

    /// <summary>Returns red, green and blue of each pixel, row by row, as a new array of Width * Height * 3 bytes.</summary>
    public byte[] ToRgb()
    {
        var rgb = new byte[3 * Width * Height];
        for (int i = 0; i < Width * Height; i++) Bytes.Slice(4 * i, 3).CopyTo(rgb.AsSpan(3 * i));
        return rgb;
    }

    /// <summary>Mirrors left and right.</summary>
    public void FlipHorizontally()
    {
        for (int y = 0; y < Height; y++) System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(Row(y)).Reverse();
    }
}
