using Spikeformer.Data.Formats;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Model.Tests.Data.Formats;

public sealed class NpyArrayTests
{
    [Theory]
    [InlineData("|b1", new byte[] { 1, 0 }, new long[] { 1, 0 })]
    [InlineData("|u1", new byte[] { 255, 7 }, new long[] { 255, 7 })]
    [InlineData("|i1", new byte[] { 255, 7 }, new long[] { -1, 7 })]
    [InlineData("<u2", new byte[] { 1, 2 }, new long[] { 0x201 })]
    [InlineData(">u2", new byte[] { 1, 2 }, new long[] { 0x102 })]
    [InlineData("<i2", new byte[] { 0, 0x80 }, new long[] { -32768 })]
    [InlineData("<u4", new byte[] { 255, 255, 255, 255 }, new long[] { 0xFFFF_FFFF })]
    [InlineData(">i4", new byte[] { 255, 255, 255, 254 }, new long[] { -2 })]
    [InlineData("<i8", new byte[] { 1, 0, 0, 0, 0, 0, 0, 0x80 }, new long[] { long.MinValue + 1 })]
    [InlineData("=u8", new byte[] { 1, 0, 0, 0, 0, 0, 0, 0x10 }, new long[] { 0x1000_0000_0000_0001 })]
    [InlineData("<f2", new byte[] { 0, 0x3C }, new long[] { 1 })]
    [InlineData("<f4", new byte[] { 0, 0, 0x40, 0x40 }, new long[] { 3 })]
    [InlineData(">f8", new byte[] { 0xC0, 0x08, 0, 0, 0, 0, 0, 0 }, new long[] { -3 })]
    public void Every_type_is_read_as_integers_and_as_floats(string type, byte[] data, long[] expected)
    {
        NpyArray array = Read(Npz.Array(type, [expected.Length], data));
        Assert.Equal([expected.Length], array.Shape);
        var integers = new long[expected.Length];
        array.CopyTo("x", integers);
        Assert.Equal(expected, integers);
        if (expected.Any(value => (long)(float)value != value || Math.Abs((double)value) > 1 << 24)) return;
        var floats = new float[expected.Length];
        array.CopyTo("x", floats);
        Assert.Equal(expected.Select(value => (float)value), floats);
    }

    [Fact]
    public void Fortran_order_is_converted_to_C_order_in_both_versions_of_the_header()
    {
        // Shape [2,3], stored column by column.
        foreach (int version in new[] { 1, 2 })
        {
            NpyArray array = Read(Npz.Array("|u1", [2, 3], [0, 10, 1, 11, 2, 12], fortran: true, version));
            var values = new float[6];
            array.CopyTo("x", values);
            Assert.Equal([0, 1, 2, 10, 11, 12], values);
        }
    }

    [Fact]
    public void A_scalar_and_an_empty_array_are_arrays()
    {
        Assert.Equal(1, Read(Npz.Array("<i8", [], new byte[8])).Count);
        Assert.Equal(0, Read(Npz.Array("<i8", [0], [])).Count);
    }

    public static TheoryData<string, byte[]> Wrong => new()
    {
        { "unsupported type", Npz.Array("|O", [1], new byte[8]) },
        { "unsupported type", Npz.Array("<U5", [1], new byte[20]) },
        { "unsupported type", Npz.Array("<c8", [1], new byte[8]) },
        { "type f1", Npz.Array("|f1", [1], new byte[1]) },
        { "too large", Npz.Array("<i8", [1001], []) },
        { "too large", Npz.Array("|u1", [100, 100, 100], []) },
        { "ends early at byte 132: 12 bytes are missing", Npz.Array("<i8", [2], new byte[4]) },
        { "not a NumPy array", [0x93, .. "NUMPZ"u8, 1, 0, 0, 0] },
        { "not a NumPy array", [0x93, .. "NUMPY"u8, 9, 0, 0, 0] },
        { "ends early at byte 3", [1, 2, 3] },
        { "does not describe an array", [0x93, .. "NUMPY"u8, 1, 0, 2, 0, (byte)'{', (byte)'}'] },
        { "a header of 4,294,967,295 bytes", [0x93, .. "NUMPY"u8, 2, 0, 255, 255, 255, 255] },
    };

    [Theory, MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void Everything_except_arrays_of_numbers_is_rejected(string why, byte[] bytes)
    {
        var error = Assert.Throws<SpikeformerException>(() => Read(bytes));
        Assert.StartsWith("x: ", error.Message);
        Assert.Contains(why, error.Message);
    }

    [Fact]
    public void Values_that_cannot_be_represented_exactly_are_rejected()
    {
        Assert.Contains("value 0: 1.5 is not a whole number",
            Assert.Throws<SpikeformerException>(() => Read(Npz.Array("<f8", [1], BitConverter.GetBytes(1.5))).CopyTo("x", new long[1])).Message);
        Assert.Contains("too large",
            Assert.Throws<SpikeformerException>(() => Read(Npz.Array("<u8", [1], BitConverter.GetBytes(ulong.MaxValue))).CopyTo("x", new long[1])).Message);
        foreach (double value in new[] { 16_777_217.0, double.NaN, double.PositiveInfinity })
            Assert.Contains("value 0", Assert.Throws<SpikeformerException>(
                () => Read(Npz.Array("<f8", [1], BitConverter.GetBytes(value))).CopyTo("x", new float[1])).Message);
    }

    private static NpyArray Read(byte[] bytes) => NpyArray.Read(new MemoryStream(bytes), "x", 1000);
}
