using System.Runtime.Intrinsics;
using Spikeformer.Numerics;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Numerics;

public sealed unsafe class StorageFormatsTests
{
    [Fact]
    public void Bfloat16_rounds_as_libtorch_does_and_NaN_stays_NaN()
    {
        var random = new Random(11);
        float[] values = [.. Enumerable.Range(0, 1 << 16).Select(_ => BitConverter.UInt32BitsToSingle((uint)random.NextInt64(1L << 32)))];
        // NaNs whose only mantissa bits are cut off, or carry into the exponent when rounded; ties; the largest finite value; subnormals.
        uint[] edges = [0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7F7FFFFF, 0x3F808000, 0x3F818000, 0x00000001, 0x80018000, 0x7F800000];
        for (int i = 0; i < edges.Length; i++) values[i] = BitConverter.UInt32BitsToSingle(edges[i]);
        using Tensor expected = tensor(values).to(ScalarType.BFloat16).to(ScalarType.Float32);
        float[] libtorch = expected.data<float>().ToArray();

        var stored = new ushort[values.Length];
        var loaded = new float[values.Length];
        fixed (float* from = values, to = loaded)
        fixed (ushort* at = stored)
            for (int i = 0; i < values.Length; i += Vector512<float>.Count)
            {
                BFloat16Storage.Store((BFloat16Storage*)(at + i), Vector512.Load(from + i));
                BFloat16Storage.Load((BFloat16Storage*)(at + i)).Store(to + i);
            }

        for (int i = 0; i < values.Length; i++)
            if (float.IsNaN(values[i])) Assert.True(float.IsNaN(loaded[i]), $"NaN {BitConverter.SingleToUInt32Bits(values[i]):X8} became {loaded[i]}");
            else Assert.Equal(BitConverter.SingleToUInt32Bits(libtorch[i]), BitConverter.SingleToUInt32Bits(loaded[i]));
    }
}
