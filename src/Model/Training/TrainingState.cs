using System.IO.Hashing;
using System.Runtime.InteropServices;
using Spikeformer.Checkpoints;
using Spikeformer.Network;
using Spikeformer.Training.Optimizers;
using static TorchSharp.torch;

namespace Spikeformer.Training;

/// <summary>The result of a committed step.</summary>
/// <param name="Step">The number of committed steps, including this one.</param>
/// <param name="Epoch">The epoch of the step, from 0.</param>
/// <param name="Samples">The number of samples of the step.</param>
/// <param name="Loss">The mean loss over the samples, before the update.</param>
/// <param name="Top1">The number of samples whose label had the largest logit.</param>
/// <param name="Top5">The number of samples whose label was among the five largest logits.</param>
/// <param name="LearningRate">The learning rate of the update.</param>
/// <param name="NonFiniteShards">The number of shards with a non-finite gradient or loss. Above 0, the update was skipped.</param>
/// <param name="Digest">The step digest, 32 hexadecimal digits.</param>
public sealed record CommittedStep(
    long Step, int Epoch, long Samples, double Loss, long Top1, long Top5, double LearningRate, int NonFiniteShards, string Digest);

/// <summary>The counters of a state, which complete its tensors.</summary>
/// <param name="Step">The number of committed steps.</param>
/// <param name="AppliedUpdates">The number of applied updates.</param>
/// <param name="Ledger">The sum modulo 2^64 of the hashes of all committed samples.</param>
/// <param name="Digest">The step digest, 32 hexadecimal digits.</param>
public sealed record StateCounters(long Step, long AppliedUpdates, ulong Ledger, string Digest);

/// <summary>The state that a step changes: weights, running statistics, optimizer moments, loss scaler, counters, ledger and digest. One call applies the
/// reduced vector of a step. The same vectors in the same order give the same state on every worker. Not thread-safe.</summary>
public sealed unsafe class TrainingState : IDisposable
{
    private const string UpdatesName = "optimizer/updates", ScaleName = "optimizer/lossScale", FiniteStepsName = "optimizer/finiteSteps";
    private readonly Recipe _recipe;
    private readonly Schedule _schedule;
    private readonly Optimizer _optimizer;
    private readonly OptimizerState _moments;
    private readonly LossScaler? _scaler;
    private readonly byte[] _digest = new byte[16];
    private long _momentUpdates;

    /// <summary>Creates the state of a run before its first step, with newly initialised weights.</summary>
    /// <param name="network">The network.</param>
    /// <param name="recipe">The run's recipe.</param>
    /// <param name="firstStep">The number of the first step; above 0 for a run that starts in a later epoch.</param>
    public TrainingState(SpikeformerNetwork network, Recipe recipe, long firstStep = 0)
    {
        (Network, _recipe, _schedule) = (network, recipe, new Schedule(recipe));
        Step = FirstStep = firstStep;
        Parameters = ParameterSet.Create(network.Layout);
        Initialisation.Fill(Parameters, network.Options.Neuron, recipe.Seed);
        Running = new RunningStatistics(network.Layout);
        _optimizer = Optimizer.Create(recipe.Optimizer, DecayRange.Of(network.Layout, recipe.Optimizer));
        _moments = _optimizer.CreateState();
        if (recipe.Precision == Precision.Fp16) _scaler = new();
    }

    /// <summary>The network that the state belongs to.</summary>
    public SpikeformerNetwork Network { get; }

    /// <summary>The weights, float32 on the CPU. They change only between steps.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>The running statistics of BatchNorm, on the CPU.</summary>
    public RunningStatistics Running { get; }

    /// <summary>The number of the run's first step, from 0.</summary>
    public long FirstStep { get; }

    /// <summary>The number of committed steps, which is the number of the next step. It includes the steps before a later first step.</summary>
    public long Step { get; private set; }

    /// <summary>Whether a step was committed. Before that, the digest is 0, wherever the run started.</summary>
    public bool HasBegun => _digest.AsSpan().ContainsAnyExcept((byte)0);

    /// <summary>The number of committed steps whose update was applied, and not skipped because of a non-finite gradient.</summary>
    public long AppliedUpdates { get; private set; }

    /// <summary>The scale of the next step's backward pass: a power of two, 1 except in fp16.</summary>
    public float LossScale => _scaler?.Scale ?? 1;

    /// <summary>The sum modulo 2^64 of the hashes of all committed samples. See <see cref="Training.Ledger"/>.</summary>
    public ulong Ledger { get; private set; }

    /// <summary>The chained digest of all committed steps' reduced vectors, 32 hexadecimal digits.</summary>
    public string Digest => Convert.ToHexStringLower(_digest);

    /// <summary>Commits a step: updates weights, running statistics, loss scale, ledger and digest. If a shard's gradient was not finite, the weights
    /// and running statistics do not change.</summary>
    /// <param name="plan">The plan of the next step.</param>
    /// <param name="reduced">The sum of all shards' vectors along the summation tree. Not changed.</param>
    /// <exception cref="InvalidOperationException">The step is not the next one, or the vector does not have the step's number of samples.</exception>
    public CommittedStep Apply(StepPlan plan, StepVector reduced)
    {
        if (plan.Step != Step) throw new InvalidOperationException($"Step {plan.Step} cannot be applied after {Step} committed steps.");
        if (reduced.Samples != plan.Count)
            throw new InvalidOperationException($"The reduced vector of step {plan.Step} has {reduced.Samples} samples instead of {plan.Count}.");

        double learningRate = _schedule.LearningRate(plan.Epoch);
        if (plan.StepInEpoch == 0 && _schedule.ResetsMomentum(plan.Epoch)) _momentUpdates = 0;
        if (reduced.NonFiniteShards == 0)
        {
            _optimizer.Apply((float*)TensorMemory.Pointer(Parameters.Values), reduced.Pointer, _moments, learningRate, _momentUpdates);
            UpdateRunning(reduced);
            AppliedUpdates++;
            _momentUpdates++;
        }
        _scaler?.Update(isFinite: reduced.NonFiniteShards == 0);
        Ledger += reduced.LedgerSum;
        var hash = new XxHash128();
        hash.Append(_digest);
        hash.Append(reduced.Bytes);
        hash.GetCurrentHash(_digest);
        Step++;
        return new(Step, plan.Epoch, plan.Count, reduced.Loss, reduced.Top1, reduced.Top5, learningRate, reduced.NonFiniteShards, Digest);
    }

    /// <summary>Computes running = 0.9 running + 0.1 (mean over the shards with samples), rounded once.</summary>
    private void UpdateRunning(StepVector reduced)
    {
        const double share = RunningStatistics.Momentum, kept = 1 - share;
        double shards = reduced.FilledShards;
        Update(TensorMemory.Span<float>(Running.Mean), reduced.BatchMeans);
        Update(TensorMemory.Span<float>(Running.Variance), reduced.BatchVariances);
        Running.BatchCount++;

        void Update(Span<float> running, ReadOnlySpan<float> sums)
        {
            for (int i = 0; i < running.Length; i++) running[i] = (float)(kept * running[i] + share * (sums[i] / shards));
        }
    }

    /// <summary>Copies the whole state to named tensors: the network's in the authors' order, then the optimizer's and, in fp16, the loss scaler's.</summary>
    /// <param name="reuse">An earlier snapshot of this state that is no longer needed: its memory is overwritten. Null allocates memory.</param>
    public IReadOnlyList<StateTensor> Snapshot(IReadOnlyList<StateTensor>? reuse = null)
    {
        var state = new List<StateTensor>();
        float* parameters = (float*)TensorMemory.Pointer(Parameters.Values);
        foreach (StateEntry entry in Network.Layout.Entries)
            switch (entry.Kind)
            {
                case StateKind.Parameter: Add(entry.Name, entry.Shape, parameters + entry.Offset); break;
                case StateKind.RunningMean: Add(entry.Name, entry.Shape, (float*)TensorMemory.Pointer(Running.Mean) + entry.Offset); break;
                case StateKind.RunningVariance: Add(entry.Name, entry.Shape, (float*)TensorMemory.Pointer(Running.Variance) + entry.Offset); break;
                case StateKind.BatchCount: AddCount(entry.Name, Running.BatchCount); break;
            }
        foreach (string moment in _moments.Names)
            foreach (StateEntry entry in Network.Layout.Parameters)
                Add($"optimizer/{moment}/{entry.Name}", entry.Shape, _moments[moment] + entry.Offset);
        AddCount(UpdatesName, _momentUpdates);
        if (_scaler is { } scaler)
        {
            float scale = scaler.Scale;
            Add(ScaleName, [], &scale);
            AddCount(FiniteStepsName, scaler.FiniteSteps);
        }
        return state;

        void Add(string name, IReadOnlyList<long> shape, float* values)
        {
            long length = shape.Aggregate(1L, (product, size) => product * size);
            var source = new ReadOnlySpan<byte>(values, checked((int)(length * sizeof(float))));
            StateTensor? old = reuse?[state.Count];
            byte[] copy = old is not null && MemoryMarshal.TryGetArray(old.Data, out ArraySegment<byte> memory) && memory.Array!.Length == source.Length
                ? memory.Array
                : new byte[source.Length];
            source.CopyTo(copy);
            state.Add(new(name, TensorType.F32, shape, copy));
        }

        void AddCount(string name, long count) => state.Add(new(name, TensorType.I64, [], BitConverter.GetBytes(count)));
    }

    /// <summary>Hashes the whole state to 64 bits without copying it. If workers have different hashes, one of them has wrong bits. The hash is XxHash3
    /// over step digest, weights, running statistics, moments and loss scaler.</summary>
    public ulong Hash()
    {
        var hash = new XxHash3();
        hash.Append(_digest);
        foreach (Tensor tensor in (Tensor[])[Parameters.Values, Running.Mean, Running.Variance])
            hash.Append(MemoryMarshal.AsBytes(TensorMemory.Span<float>(tensor)));
        foreach (string moment in _moments.Names)
            for (long done = 0; done < _moments.Length; done += int.MaxValue / sizeof(float))
                hash.Append(new ReadOnlySpan<byte>(_moments[moment] + done, (int)Math.Min(_moments.Length - done, int.MaxValue / sizeof(float)) * sizeof(float)));
        if (_scaler is { } scaler)
        {
            hash.Append(BitConverter.GetBytes(scaler.Scale));
            hash.Append(BitConverter.GetBytes(scaler.FiniteSteps));
        }
        return hash.GetCurrentHashAsUInt64();
    }

    /// <summary>Restores the state before the first step, with newly initialised weights.</summary>
    public void Reset()
    {
        Initialisation.Fill(Parameters, Network.Options.Neuron, _recipe.Seed);
        Running.Reset();
        _moments.Clear();
        _scaler?.Reset();
        (Step, AppliedUpdates, Ledger, _momentUpdates) = (FirstStep, 0, 0, 0);
        Array.Clear(_digest);
    }

    /// <summary>Restores the whole state of a checkpoint.</summary>
    /// <param name="checkpoint">A verified checkpoint.</param>
    /// <exception cref="SpikeformerException">The checkpoint belongs to another network or optimizer (Conflict). The message lists the differences,
    /// and the state is unchanged.</exception>
    public void Restore(Checkpoint checkpoint)
    {
        CheckpointInfo info = checkpoint.Info;
        Restore(new(info.Step, info.AppliedUpdates, Convert.ToUInt64(info.LedgerDigest, 16), info.StepDigest), checkpoint.State, $"checkpoint {checkpoint.Id}");
    }

    /// <summary>The state's counters.</summary>
    public StateCounters Counters => new(Step, AppliedUpdates, Ledger, Digest);

    /// <summary>Restores a whole state.</summary>
    /// <param name="counters">The counters of the state.</param>
    /// <param name="tensors">The snapshot of the state.</param>
    /// <param name="source">The source of the state, for messages.</param>
    /// <exception cref="SpikeformerException">The state belongs to another network or optimizer (Conflict). The message lists the differences, and the
    /// state is unchanged.</exception>
    public void Restore(StateCounters counters, IReadOnlyList<StateTensor> tensors, string source)
    {
        IReadOnlyList<TensorSpec> expected = [.. Snapshot().Select(tensor => tensor.Spec)];
        IReadOnlyList<StateTensor> found = CheckpointExport.Match(tensors, expected, source);
        var byName = found.ToDictionary(tensor => tensor.Name);
        RestoreNetwork(byName);
        foreach (string moment in _moments.Names)
            foreach (StateEntry entry in Network.Layout.Parameters)
                Fill(byName[$"optimizer/{moment}/{entry.Name}"], _moments[moment] + entry.Offset);
        _momentUpdates = BitConverter.ToInt64(byName[UpdatesName].Data.Span);
        _scaler?.Restore(BitConverter.ToSingle(byName[ScaleName].Data.Span), BitConverter.ToInt64(byName[FiniteStepsName].Data.Span));
        (Step, AppliedUpdates, Ledger) = (counters.Step, counters.AppliedUpdates, counters.Ledger);
        Convert.FromHexString(counters.Digest).CopyTo(_digest, 0);
    }

    /// <summary>Restores weights and running statistics only.</summary>
    /// <param name="tensors">The network's tensors by name, matched against the layout.</param>
    public void RestoreNetwork(IReadOnlyDictionary<string, StateTensor> tensors)
    {
        float* parameters = (float*)TensorMemory.Pointer(Parameters.Values);
        foreach (StateEntry entry in Network.Layout.Entries)
            switch (entry.Kind)
            {
                case StateKind.Parameter: Fill(tensors[entry.Name], parameters + entry.Offset); break;
                case StateKind.RunningMean: Fill(tensors[entry.Name], (float*)TensorMemory.Pointer(Running.Mean) + entry.Offset); break;
                case StateKind.RunningVariance: Fill(tensors[entry.Name], (float*)TensorMemory.Pointer(Running.Variance) + entry.Offset); break;
                case StateKind.BatchCount: Running.BatchCount = BitConverter.ToInt64(tensors[entry.Name].Data.Span); break;
            }
    }

    /// <summary>Returns the names, types and shapes of the network's part of the state, which are those of an exported or imported weight file.</summary>
    public static IReadOnlyList<TensorSpec> NetworkSpecs(StateLayout layout) =>
    [
        .. layout.Entries.Select(entry => new TensorSpec(entry.Name, entry.Kind == StateKind.BatchCount ? TensorType.I64 : TensorType.F32, entry.Shape)),
    ];

    /// <summary>Returns the SHA-256 over names and bytes of a snapshot in its order, 64 hexadecimal digits: weights, statistics and optimizer state.</summary>
    public static string WeightsDigest(IReadOnlyList<StateTensor> snapshot)
    {
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        foreach (StateTensor tensor in snapshot)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(tensor.Name + "\n"));
            hash.AppendData(tensor.Data.Span);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Frees weights, statistics and moments.</summary>
    public void Dispose()
    {
        _moments.Dispose();
        Running.Dispose();
        Parameters.Dispose();
    }

    private static void Fill(StateTensor source, float* target) => source.Data.Span.CopyTo(new Span<byte>(target, source.Data.Length));
}
