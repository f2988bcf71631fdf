using Spikeformer.Checkpoints;
using Spikeformer.Runs;
using Spikeformer.Silo.Worker.Transfer;
using Spikeformer.Training;

namespace Spikeformer.Cluster.Worker.Transfer;

/// <summary>Small states to lend, with one slice per tensor.</summary>
internal static class States
{
    public const int SliceBytes = 16;

    /// <summary>A state with random bytes.</summary>
    /// <param name="step">Its committed steps.</param>
    /// <param name="tensors">Count of tensors; every third one has 48 bytes, the others 16.</param>
    /// <param name="seed">Equal seeds make equal states.</param>
    public static StateCopy Of(long step, int tensors, int seed)
    {
        var random = new Random(seed);
        return new(new StateCounters(step, step, 7, Digest(step)), new TrainingProgress().State, [], [.. Enumerable.Range(0, tensors).Select(i =>
        {
            var bytes = new byte[i % 3 == 2 ? 48 : 16];
            random.NextBytes(bytes);
            return new StateTensor($"layer{i}", TensorType.F32, [bytes.Length / sizeof(float)], bytes);
        })]);
    }

    /// <summary>The state with one tensor replaced.</summary>
    public static StateCopy With(this StateCopy state, long step, int tensor, byte[] bytes)
    {
        StateTensor[] tensors = [.. state.Tensors];
        tensors[tensor] = tensors[tensor] with { Data = bytes };
        return state with { Counters = state.Counters with { Step = step }, Tensors = tensors };
    }

    public static string Digest(long step) => $"{step:x32}";

    public static StateSlices Slices(this StateCopy state) => new([.. state.Tensors.Select(tensor => tensor.Spec)], SliceBytes);

    public static SliceTable Table(this StateCopy state) => new LentState(state, SliceBytes).Table;

    /// <summary>The bytes of the slice with a hash.</summary>
    public static byte[] Bytes(this StateCopy state, UInt128 hash) => state.Tensors.Select(tensor => tensor.Data.ToArray()).First(bytes => StateSlices.Hash([bytes]) == hash);

    /// <summary>The whole state as text, for comparisons.</summary>
    public static string Text(StateCopy state) =>
        string.Join('\n', [$"{state.Counters}", .. state.Tensors.Select(tensor => $"{tensor.Name} {tensor.Spec.Layout} {Convert.ToHexString(tensor.Data.Span)}")]);
}
