using System.Runtime.InteropServices;
using System.Text.Json;
using Spikeformer.Checkpoints;
using Spikeformer.Numerics;
using Xunit;

namespace Spikeformer.TestKit;

/// <summary>Small training states. Their bytes are a pure function of the step, so that a test can verify a state that it has read.</summary>
public static class States
{
    /// <summary>Options with slices of about two tensors each.</summary>
    public static readonly CheckpointOptions SmallSlices = new() { SliceBytes = 20_000 };

    public static StateTensor[] State(long step, int weights = 2_000)
    {
        (string, TensorType, long[])[] layout =
        [
            ("patch_embed.0.weight", TensorType.F32, [weights / 4, 4]),
            ("patch_embed.0.bias", TensorType.F32, [7]),
            ("patch_embed.1.num_batches_tracked", TensorType.I64, []),
            ("blocks.0.attn.weight", TensorType.F32, [weights, 2]),
            ("blocks.0.flag", TensorType.Bool, [3]),
            ("optimizer/exp_avg/patch_embed.0.weight", TensorType.F32, [weights / 4, 4]),
            ("optimizer/exp_avg/blocks.0.attn.weight", TensorType.F32, [weights, 2]),
            ("optimizer/exp_avg_sq/patch_embed.0.weight", TensorType.F32, [weights / 4, 4]),
            ("optimizer/exp_avg_sq/blocks.0.attn.weight", TensorType.F64, [weights, 2]),
        ];
        return [.. layout.Select((tensor, index) => Tensor(tensor.Item1, tensor.Item2, tensor.Item3, step, index))];
    }

    public static StateTensor Tensor(string name, TensorType type, long[] shape, long step = 0, int index = 0)
    {
        var data = new byte[new TensorSpec(name, type, shape).Bytes];
        var random = new KeyedRandom(1, RandomPurpose.Synthetic, step, index);
        for (int i = 0; i < data.Length; i++) data[i] = (byte)random.NextUInt32();
        return new(name, type, shape, data);
    }

    public static CheckpointInfo Info(long step, int lineage = 0, long lineageStart = 0) => new()
    {
        Run = "nmnist",
        Lineage = lineage,
        LineageStart = lineageStart,
        Step = step,
        Epoch = (int)step / 10,
        StepInEpoch = (int)step % 10,
        AppliedUpdates = step,
        LossScale = 65536,
        LossScaleGoodSteps = 3,
        StepDigest = $"{step:x32}",
        LedgerDigest = "aa",
        WeightsDigest = "bb",
        Recipe = JsonSerializer.Deserialize<JsonElement>("""{ "name": "nmnist", "seed": 2020, "rate": 1e-3, "text": "ä\"\u00e9" }"""),
        RecipeHash = "cc",
        Fingerprint = new Dictionary<string, string> { ["isa"] = "avx2", ["libtorch"] = "2.10.0" },
        DataHash = "dd",
        ClassNames = ["0", "1", "10", "2"],
        Metrics = new Dictionary<string, double> { ["testAccuracy"] = 0.1 + 0.2, ["trainLoss"] = double.NaN, ["x"] = double.PositiveInfinity },
        CreatedUtc = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
    };

    public static void AssertEqual(IReadOnlyList<StateTensor> expected, IReadOnlyList<StateTensor> actual)
    {
        Assert.Equal(expected.Select(tensor => tensor.Name), actual.Select(tensor => tensor.Name));
        foreach (var (e, a) in expected.Zip(actual))
        {
            Assert.Equal(e.Spec.Layout, a.Spec.Layout);
            Assert.True(e.Data.Span.SequenceEqual(a.Data.Span), $"{e.Name} has other bytes");
        }
    }

    /// <summary>Asserts that the newest checkpoint belongs to a step and has the right bytes.</summary>
    public static NewestCheckpoint AssertNewest(CheckpointStore store, long step)
    {
        NewestCheckpoint newest = store.TryReadNewest();
        Assert.Equal(step, newest.Checkpoint?.Info.Step);
        AssertEqual(State(step), newest.Checkpoint!.State);
        return newest;
    }

    public static float[] Floats(StateTensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.Data.Span).ToArray();

    public static void FlipByte(string path, long position, byte mask)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Position = position;
        int value = file.ReadByte();
        file.Position = position;
        file.WriteByte((byte)(value ^ mask));
    }
}
