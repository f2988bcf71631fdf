using Spikeformer.Devices;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>A network's parameters as leaf tensors over one flat buffer. Several sets can share the values, each with its own flat gradient, so the shards of a
/// step keep their gradients apart.</summary>
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

    /// <summary>The names, shapes and offsets of the parameters.</summary>
    public StateLayout Layout { get; }

    /// <summary>All values in layout order, one dimension, float32 or float64. The set that created the buffer owns it.</summary>
    public Tensor Values { get; }

    /// <summary>All gradients in layout order, in type and device of the values; null for a set that only evaluates.</summary>
    public Tensor? Gradient { get; }

    /// <summary>The set on the host of which this one is a copy, or this set itself. Reading single values here does not wait for a device.</summary>
    internal ParameterSet OnHost { get; }

    /// <summary>A parameter by its index in <see cref="StateLayout.Parameters"/>: a leaf that accumulates into <see cref="Gradient"/>. The set
    /// owns it.</summary>
    public Tensor this[int parameter] => _leaves[parameter];

    /// <summary>Creates parameters that are all zero, without a gradient.</summary>
    /// <param name="layout">Names and shapes.</param>
    /// <param name="dtype">float32 or float64.</param>
    /// <param name="device">The device; null is the CPU.</param>
    public static ParameterSet Create(StateLayout layout, ScalarType dtype = ScalarType.Float32, Device? device = null) =>
        new(layout, zeros(layout.ParameterCount, dtype, device ?? CPU).DetachFromDisposeScope(), null, ownsValues: true, ownsGradient: false);

    /// <summary>Creates another set over the same values with its own gradient buffer. Dispose it before this set.</summary>
    public ParameterSet WithOwnGradient() =>
        new(Layout, Values, zeros(Layout.ParameterCount, Values.dtype, Values.device).DetachFromDisposeScope(), ownsValues: false, ownsGradient: true, HostOfCopy);

    /// <summary>Creates another set over the same values whose gradients accumulate into a buffer of the caller. Dispose it before this set and
    /// the buffer.</summary>
    /// <param name="gradient">One dimension, in layout order, with type and device of the values.</param>
    public ParameterSet WithGradient(Tensor gradient) => new(Layout, Values, gradient, ownsValues: false, ownsGradient: false, HostOfCopy);

    /// <summary>Creates a copy on a device, without a gradient; <see cref="Refresh"/> updates it. Dispose it before this set.</summary>
    internal ParameterSet CopyOn(ComputeDevice device) =>
        new(Layout, device.ToDevice(Values).DetachFromDisposeScope(), null, ownsValues: true, ownsGradient: false, host: this);

    /// <summary>Copies the values of <see cref="OnHost"/> again, for this set and all sets that share its values.</summary>
    internal void Refresh()
    {
        using var noGrad = no_grad();
        Values.copy_(OnHost.Values);
    }

    private ParameterSet? HostOfCopy => OnHost == this ? null : OnHost;

    /// <summary>Sets the gradient to zero.</summary>
    public void ClearGradient() => Gradient!.zero_();

    /// <summary>Returns the part of a flat buffer that belongs to an entry, in the entry's shape. It shares the buffer's memory; the caller
    /// disposes it.</summary>
    public static Tensor View(Tensor flat, StateEntry entry)
    {
        using Tensor slice = flat.narrow(0, entry.Offset, entry.Length);
        return slice.view([.. entry.Shape]);
    }

    /// <summary>Frees the leaves, and the values and gradient if this set created them.</summary>
    public void Dispose()
    {
        foreach (Tensor leaf in _leaves) leaf.Dispose();
        if (_ownsGradient) Gradient!.Dispose();
        if (_ownsValues) Values.Dispose();
    }
}
