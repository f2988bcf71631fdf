namespace Spikeformer.Network;

/// <summary>The kind of an entry of a network's state.</summary>
public enum StateKind
{
    /// <summary>A learnable tensor.</summary>
    Parameter,
    /// <summary>The running mean of a BatchNorm layer.</summary>
    RunningMean,
    /// <summary>The running unbiased variance of a BatchNorm layer.</summary>
    RunningVariance,
    /// <summary>The number of training batches of a BatchNorm layer, int64.</summary>
    BatchCount,
}

/// <summary>The initial value of a parameter. See <see cref="Initialisation"/>.</summary>
public enum InitialValue
{
    /// <summary>0.</summary>
    Zero,
    /// <summary>1.</summary>
    One,
    /// <summary>Normal with deviation sqrt(2 / fan-in).</summary>
    KaimingNormal,
    /// <summary>Normal with deviation 0.02. The authors truncate it at 2, a hundred deviations.</summary>
    TruncatedNormal,
    /// <summary>-ln(tau - 1), with tau of the neuron.</summary>
    NeuronDecay,
}

/// <summary>One entry of a network's state.</summary>
/// <param name="Name">The authors' state-dict name.</param>
/// <param name="Shape">The sizes; empty for a scalar.</param>
/// <param name="Kind">The kind of the entry.</param>
/// <param name="Offset">The position of the first element in the flat buffer of parameters, running means or running variances. For a batch
/// count, the index of its BatchNorm layer.</param>
/// <param name="Initial">The initial value, for parameters only.</param>
public sealed record StateEntry(string Name, IReadOnlyList<long> Shape, StateKind Kind, long Offset, InitialValue Initial)
{
    /// <summary>The number of elements.</summary>
    public long Length => Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>A BatchNorm layer's position in the flat statistics.</summary>
/// <param name="Index">The position among the network's BatchNorm layers, in the order of their registration.</param>
/// <param name="Channels">The number of channels.</param>
/// <param name="Offset">The first channel in the flat running statistics.</param>
public sealed record BatchNormLayer(int Index, int Channels, int Offset);

/// <summary>The state of a network as named slices of flat buffers, in the authors' state-dict order. Modules register their tensors here when they are built
/// and keep only the indices. <see cref="ParameterSet"/> and <see cref="RunningStatistics"/> hold the tensors.</summary>
public sealed class StateLayout
{
    private readonly List<StateEntry> _entries = [], _parameters = [];
    private readonly List<BatchNormLayer> _batchNorms = [];

    /// <summary>All entries in the authors' order.</summary>
    public IReadOnlyList<StateEntry> Entries => _entries;
    /// <summary>The learnable entries in the authors' order; modules refer to a parameter by its index here.</summary>
    public IReadOnlyList<StateEntry> Parameters => _parameters;
    /// <summary>The BatchNorm layers.</summary>
    public IReadOnlyList<BatchNormLayer> BatchNorms => _batchNorms;
    /// <summary>The number of elements of all parameters.</summary>
    public long ParameterCount { get; private set; }
    /// <summary>The number of channels of all BatchNorm layers.</summary>
    public int StatisticsCount { get; private set; }

    internal int AddParameter(string name, InitialValue initial, params long[] shape)
    {
        var entry = new StateEntry(name, shape, StateKind.Parameter, ParameterCount, initial);
        _entries.Add(entry);
        _parameters.Add(entry);
        ParameterCount += entry.Length;
        return _parameters.Count - 1;
    }

    internal BatchNormLayer AddBatchNormStatistics(string prefix, int channels)
    {
        var layer = new BatchNormLayer(_batchNorms.Count, channels, StatisticsCount);
        _batchNorms.Add(layer);
        _entries.Add(new(prefix + "running_mean", [channels], StateKind.RunningMean, layer.Offset, InitialValue.Zero));
        _entries.Add(new(prefix + "running_var", [channels], StateKind.RunningVariance, layer.Offset, InitialValue.Zero));
        _entries.Add(new(prefix + "num_batches_tracked", [], StateKind.BatchCount, layer.Index, InitialValue.Zero));
        StatisticsCount += channels;
        return layer;
    }
}
