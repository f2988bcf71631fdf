using System.IO.Hashing;
using System.Runtime.InteropServices;
using Spikeformer.Model.Tests.Devices;
using Spikeformer.Neurons;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests.Neurons;

[Collection(nameof(ComputeThreadsTests))]
public sealed class NeuronKernelsBitsTests
{
    [Fact]
    public void The_bits_do_not_depend_on_AVX512() => NarrowProcess.AssertSameDigest(Digest, The_bits_do_not_depend_on_AVX512);

    [Fact]
    public void The_bits_do_not_depend_on_the_number_of_threads() => AnyThreads.AssertSameDigest(Digest);

    /// <summary>The digest of all kernels' results for currents of all sizes: near the threshold, far from it, and NaN.</summary>
    private static string Digest()
    {
        using var scope = NewDisposeScope();
        var hash = new XxHash128();
        foreach (NeuronKind kind in Enum.GetValues<NeuronKind>())
            foreach ((int steps, int count) in new[] { (1, 5), (4, 50_003), (16, 16_400), (33, 771) })
                foreach (bool isWild in new[] { false, true })
                {
                    var options = new NeuronOptions { Kind = kind };
                    Tensor x = Values(steps, count, isWild), dy = Values(steps, count, false), y = empty_like(x), dx = empty_like(x);
                    NeuronKernels.Forward(x, y, 0.41, options);
                    double dw = NeuronKernels.Backward(x, dy, dx, 0.41, options);
                    // All NaNs count as the same one: which NaN an operation propagates depends on the order of its operands.
                    Tensor results = cat([y, dx]).nan_to_num(nan: 12345, posinf: double.PositiveInfinity, neginf: double.NegativeInfinity);
                    hash.Append(MemoryMarshal.AsBytes(TensorMemory.Span<float>(results)));
                    hash.Append(MemoryMarshal.AsBytes([double.IsNaN(dw) ? 12345 : dw]));
                    Assert.Equal(isWild && options.IsParametric && count > 5, double.IsNaN(dw));
                }
        return Convert.ToHexString(hash.GetCurrentHash());
    }

    private static Tensor Values(int steps, int count, bool isWild)
    {
        var random = new Random(steps + count);
        float[] values = new float[steps * count];
        for (int i = 0; i < values.Length; i++) values[i] = (float)(random.NextDouble() * 6 - 2.5);
        if (isWild)
            for (int i = 7; i < values.Length; i += 97)
                values[i] = (i % 5) switch
                {
                    0 => float.NaN,
                    1 => float.PositiveInfinity,
                    2 => 1e-41f,
                    3 => -0f,
                    _ => (float)(random.NextDouble() * 200 - 100),
                };
        return tensor(values, [steps, count]);
    }
}
