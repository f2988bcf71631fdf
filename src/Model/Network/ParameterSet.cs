using Spikeformer.Devices;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>
/// A network's parameters as leaf tensors over one flat buffer. Several sets can share the values, each with its own flat gradient: that is
/// how the shards of a step keep their gradients apart.
/// </summary>
/// <remarks>Not thread-safe. Autograd adds into the gradient views in place, so call <see cref="ClearGradient"/> before each use.</remarks>
public sealed class ParameterSet : IDisposable
{
    private readonly Tensor[] _leaves;
    private readonly bool _ownsValues, _ownsGradient;

    private ParameterSet(StateLayout layout, Tensor values, Tensor? gradient, bool ownsValues, bool ownsGradient, ParameterSet? host = null)
    {
        (Layout, Values, Gradient, _ownsValues, _ownsGradient) = (layout, values, gradient, ownsValues, ownsGradient);
        OnHost = host ?? this;
        _leaves = new Tensor[layout.Parameters.Count];
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        for (int i = 0; i < _leaves.Length; i++)
        {
            StateEntry entry = layout.Parameters[i];
            _leaves[i] = View(values, entry).detach().DetachFromDisposeScope();
            if (Gradient is null) continue;
            _leaves[i].requires_grad_(true);
            _leaves[i].grad = View(Gradient, entry);
        }
    }

    /// <summary>Where the parameters are.</summary>
    public StateLayout Layout { get; }

    /// <summary>All values, one dimension, in layout order. Owned by the set that created it.</summary>
    public Tensor Values { get; }

    /// <summary>All gradients in layout order, or null for a set that only evaluates.</summary>
    public Tensor? Gradient { get; }

    /// <summary>The set that this one is a copy of, or itself: what reads single values takes them here and waits for no device.</summary>
    internal ParameterSet OnHost { get; }

    /// <summary>A parameter by its index in <see cref="StateLayout.Parameters"/>; a leaf that accumulates into <see cref="Gradient"/>.</summary>
    public Tensor this[int parameter] => _leaves[parameter];

    /// <summary>New parameters, all zero, without gradient.</summary>
    /// <param name="layout">Names and shapes.</param>
    /// <param name="dtype">float32 or float64.</param>
    /// <param name="device">Where they live.</param>
    public static ParameterSet Create(StateLayout layout, ScalarType dtype = ScalarType.Float32, Device? device = null) =>
        new(layout, zeros(layout.ParameterCount, dtype, device ?? CPU).DetachFromDisposeScope(), null, ownsValues: true, ownsGradient: false);

    /// <summary>Another set over the same values with a gradient buffer of its own. Dispose it before this set.</summary>
    public ParameterSet WithOwnGradient() =>
        new(Layout, Values, zeros(Layout.ParameterCount, Values.dtype, Values.device).DetachFromDisposeScope(), ownsValues: false, ownsGradient: true, HostOfCopy);

    /// <summary>Another set over the same values whose gradients accumulate into memory of the caller's. Dispose it before both.</summary>
    /// <param name="gradient">One dimension, layout order, type and device of the values.</param>
    public ParameterSet WithGradient(Tensor gradient) => new(Layout, Values, gradient, ownsValues: false, ownsGradient: false, HostOfCopy);

    /// <summary>A copy on a device, without gradient; <see cref="Refresh"/> renews it. Dispose it before this set.</summary>
    internal ParameterSet CopyOn(ComputeDevice device) =>
        new(Layout, device.Take(Values).DetachFromDisposeScope(), null, ownsValues: true, ownsGradient: false, host: this);

    /// <summary>Copies the values of <see cref="OnHost"/> again; those of sets that share them change too.</summary>
    internal void Refresh()
    {
        using var noGrad = no_grad();
        Values.copy_(OnHost.Values);
    }

    private ParameterSet? HostOfCopy => OnHost == this ? null : OnHost;

    /// <summary>Sets the gradient to zero.</summary>
    public void ClearGradient() => Gradient!.zero_();

    /// <summary>The part of a flat buffer that belongs to an entry, in the entry's shape; shares memory.</summary>
    public static Tensor View(Tensor flat, StateEntry entry)
    {
        using Tensor slice = flat.narrow(0, entry.Offset, entry.Length);
        return slice.view([.. entry.Shape]);
    }

    /// <summary>Frees the leaves and what this set created of values and gradient.</summary>
    public void Dispose()
    {
        foreach (Tensor leaf in _leaves) leaf.Dispose();
        if (_ownsGradient) Gradient!.Dispose();
        if (_ownsValues) Values.Dispose();
    }
}
