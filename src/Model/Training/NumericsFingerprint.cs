using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Spikeformer.Devices;

namespace Spikeformer.Training;

/// <summary>The dependencies of a run's bits besides its recipe and data: the library, its instruction sets, threads and precision. A run and its
/// checkpoints store it. Workers compute together only with equal fingerprints.</summary>
/// <remarks>Equal fields are necessary but not sufficient: a joining worker also computes probe shards.</remarks>
/// <param name="fields">The values by name; <see cref="OfThisProcess"/> lists the names.</param>
public sealed class NumericsFingerprint(IReadOnlyDictionary<string, string> fields)
{
    /// <summary>The values, sorted by name.</summary>
    public IReadOnlyDictionary<string, string> Fields { get; } = Sorted(fields);

    /// <summary>Returns the fingerprint of a recipe's arithmetic in this process: the <c>device</c> (cpu, or cuda and its model), the version of
    /// <c>libtorch</c>, its instruction-set class <c>isa</c> (DEFAULT, AVX2, AVX512), the limits of its math libraries <c>oneDnn</c> and
    /// <c>mkl</c>, <c>threads</c>, <c>precision</c>, the process's <c>architecture</c>, the <c>kernels</c> of this build, and for photographs the
    /// identity of the <c>imageDecoder</c>.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="device">The device of this process; null for the CPU.</param>
    /// <exception cref="SpikeformerException">libtorch cannot be loaded (Failed).</exception>
    public static NumericsFingerprint OfThisProcess(Recipe recipe, ComputeDevice? device = null) => new(new Dictionary<string, string>(Decoder(recipe.Data.Kind))
    {
        [Device] = (device ?? ComputeDevice.Cpu).Numerics,
        ["libtorch"] = LibTorch.Version,
        ["isa"] = LibTorch.CpuCapability,
        ["oneDnn"] = Setting("ONEDNN_MAX_CPU_ISA") ?? ProcessorInstructions,
        ["mkl"] = Setting("MKL_CBWR") ?? ProcessorInstructions,
        ["threads"] = FormattableString.Invariant($"{recipe.Threads}"),
        ["precision"] = RecipeField.NameOf(recipe.Precision),
        ["architecture"] = RuntimeInformation.ProcessArchitecture.ToString(),
        ["kernels"] = Kernels,
    });

    private const string Device = "device";

    private static IEnumerable<KeyValuePair<string, string>> Decoder(DataKind kind) =>
        kind == DataKind.ImageFolder ? [new("imageDecoder", Data.Images.ImageDecoder.Identity)] : [];

    /// <summary>The choices that determine the order in which this build rounds. A change to the order of a kernel's arithmetic, or to the library
    /// path of a product, needs a new value, so that older runs refuse to continue with other bits.</summary>
    private const string Kernels = "2: channels last, fused norm and neurons, float32 row products as oneDNN 1x1 convolutions, own attention";

    /// <summary>Returns the fields that differ, sorted by name. Empty if workers with the two fingerprints may compute together.</summary>
    public IReadOnlyList<FingerprintDifference> DifferencesFrom(NumericsFingerprint other) =>
        [.. from name in Fields.Keys.Union(other.Fields.Keys).Order(StringComparer.Ordinal)
            let here = Fields.GetValueOrDefault(name, "(none)")
            let there = other.Fields.GetValueOrDefault(name, "(none)")
            where here != there
            select new FingerprintDifference(name, here, there)];

    /// <summary>The best instruction set of this processor, which a math library without a limit uses: none, SSE, AVX2, AVX512, AVX512_BF16 or
    /// AVX512_AMX.</summary>
    public static string ProcessorInstructions
    {
        get
        {
            if (!X86Base.IsSupported) return "none";
            (_, _, _, int edx) = X86Base.CpuId(7, 0);
            (int eax, _, _, _) = X86Base.CpuId(7, 1);
            return !Avx2.IsSupported ? "SSE"
                : !Avx512F.IsSupported ? "AVX2"
                : (edx & (1 << 22)) != 0 ? "AVX512_AMX"
                : (eax & (1 << 5)) != 0 ? "AVX512_BF16"
                : "AVX512";
        }
    }

    private static SortedDictionary<string, string> Sorted(IReadOnlyDictionary<string, string> fields)
    {
        var sorted = new SortedDictionary<string, string>(fields.ToDictionary(), StringComparer.Ordinal);
        // Earlier builds computed only on the CPU and did not store this field.
        sorted.TryAdd(Device, ComputeDevice.Cpu.Numerics);
        return sorted;
    }

    private static string? Setting(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value.ToUpperInvariant() : null;
}

/// <summary>A field in which two fingerprints differ.</summary>
/// <param name="Field">The name of the field.</param>
/// <param name="Here">The value in this fingerprint.</param>
/// <param name="There">The value in the other fingerprint.</param>
public sealed record FingerprintDifference(string Field, string Here, string There)
{
    /// <summary>Returns the difference as text: <c>isa is AVX512 here and AVX2 there</c>.</summary>
    public override string ToString() => $"{Field} is {Here} here and {There} there";
}
