using System.Diagnostics;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Spikeformer.Neurons;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Model.Tests;

[Collection(nameof(ComputeThreadsTests))]
public sealed class NeuronKernelsBitsTests
{
    private const string ReportVariable = "SPIKEFORMER_NEURON_BITS";

    /// <summary>Runs itself once more, in a process whose runtime may not use AVX-512; that process leaves its digest in a file.</summary>
    [Fact]
    public void The_bits_do_not_depend_on_AVX512()
    {
        string digest = Digest();
        if (Environment.GetEnvironmentVariable(ReportVariable) is { Length: > 0 } report)
        {
            File.WriteAllLines(report, [Vector512.IsHardwareAccelerated.ToString(), digest]);
            return;
        }
        Assert.SkipUnless(Vector512.IsHardwareAccelerated, "needs a processor with AVX-512 to compare AVX2 with");
        string path = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Spikeformer.Model.Tests"),
                ["--filter-method", $"{typeof(NeuronKernelsBitsTests).FullName}.{nameof(The_bits_do_not_depend_on_AVX512)}"])
            { RedirectStandardOutput = true };
            start.Environment["DOTNET_EnableAVX512"] = "0";
            start.Environment[ReportVariable] = path;
            using Process process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, output);
            Assert.Equal(["False", digest], File.ReadAllLines(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void The_bits_do_not_depend_on_the_number_of_threads()
    {
        int before = get_num_threads();
        try
        {
            set_num_threads(1);
            string alone = Digest();
            foreach (int threads in (int[])[2, 3, 5])
            {
                set_num_threads(threads);
                Assert.Equal(alone, Digest());
            }
        }
        finally
        {
            set_num_threads(before);
        }
    }

    /// <summary>Everything that the kernels compute for currents of all sizes, near the threshold, far from it and not numbers.</summary>
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
                    // One NaN for all: which NaN an operation passes on depends on how the compiler orders its operands.
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
