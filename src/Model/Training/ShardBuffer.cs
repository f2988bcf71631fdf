using static TorchSharp.torch;

namespace Spikeformer.Training;

/// <summary>Reusable native memory for one shard's samples. Smaller micro-batches are views of its start.</summary>
internal sealed unsafe class ShardBuffer : IDisposable
{
    private readonly Tensor _x_BTCHW, _y_B;
    private readonly (Tensor X, Tensor Y)?[] _views;
    private readonly int _elements;

    public ShardBuffer(int capacity, SampleShape shape)
    {
        _elements = shape.Elements;
        _x_BTCHW = empty([capacity, shape.TimeSteps, shape.Channels, shape.Height, shape.Width], float32).DetachFromDisposeScope();
        _y_B = empty([capacity], int64).DetachFromDisposeScope();
        _views = new (Tensor, Tensor)?[capacity + 1];
        _views[capacity] = (_x_BTCHW, _y_B);
    }

    /// <summary>Returns the memory for a sample's frames.</summary>
    public Span<float> Frames(int slot) => new((float*)TensorMemory.Pointer(_x_BTCHW) + (long)slot * _elements, _elements);

    /// <summary>Sets a sample's label.</summary>
    public void SetLabel(int slot, long label) => ((long*)TensorMemory.Pointer(_y_B))[slot] = label;

    /// <summary>Returns the first samples as the engine's input.</summary>
    public ShardInput Input(int shard, int[] samples)
    {
        var (x, y) = _views[samples.Length] ??= (
            _x_BTCHW.narrow(0, 0, samples.Length).DetachFromDisposeScope(), _y_B.narrow(0, 0, samples.Length).DetachFromDisposeScope());
        return new(shard, samples, x, y);
    }

    public void Dispose()
    {
        foreach (var view in _views)
        {
            view?.X.Dispose();
            view?.Y.Dispose();
        }
        _x_BTCHW.Dispose();
        _y_B.Dispose();
    }
}
