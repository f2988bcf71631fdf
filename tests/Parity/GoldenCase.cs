using Spikeformer.Devices;
using Spikeformer.Network;
using Spikeformer.TestKit;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

/// <summary>A golden file in one arithmetic. It loads inputs and parameters, compares results with the file's values at the tolerances of
/// Golden/README.md, and knows which values were not compared. Disposing it frees the tensors created since its creation.</summary>
internal sealed class GoldenCase : IDisposable
{
    private const string Wide = "f64/";
    // Softmax cancels this bias, so its gradient is 0 and the files contain rounding errors.
    private const string InvisibleBias = "model.attention_pool.bias";
    private readonly GoldenFile _file;
    private readonly HashSet<string> _unread;
    private readonly DisposeScope _scope;
    private readonly Stack<IDisposable> _owned = new();
    // libtorch's operations round twice where our kernels use a fused multiply-add.
    private readonly int _roundings = 1;

    public GoldenCase(string name, ScalarType dtype) : this(name, dtype == ScalarType.Float64 ? Arithmetic.Float64 : Arithmetic.Float32)
    {
    }

    public GoldenCase(string name, Arithmetic arithmetic)
    {
        LibTorch.UseOnThisThread(1);
        ScalarType dtype = arithmetic == Arithmetic.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        if (arithmetic == Arithmetic.Float32WithoutKernels)
        {
            _roundings = 2;
            _owned.Push(OwnKernels.Suspend());
        }
        (_file, DType, _scope) = (GoldenFile.Load(name), dtype, NewDisposeScope());
        _unread =
        [
            .. _file.Tensors.Keys.Where(key =>
                dtype == ScalarType.Float64 ? !_file.Tensors.ContainsKey(Wide + key) : !key.StartsWith(Wide)),
        ];
    }

    /// <summary>float64 compares with the <c>f64/</c> twins, float32 with the plain keys.</summary>
    public ScalarType DType { get; }

    public IReadOnlyDictionary<string, string> Metadata => _file.Metadata;

    /// <summary>An input in this arithmetic; integers stay integers.</summary>
    public Tensor Input(string key)
    {
        GoldenTensor stored = Read(key);
        return stored.DType == "I64" ? tensor(stored.AsInt64(), stored.Shape) : tensor(Values(stored), stored.Shape).to(DType);
    }

    /// <summary>A float32 input as it is stored.</summary>
    public float[] Floats(string key) => Read(key).AsSingle();

    /// <summary>The shape of a stored array.</summary>
    public long[] ShapeOf(string key) => _file[key].Shape;

    /// <summary>The <c>param/</c> values under the names of a layout, with a gradient of zeros.</summary>
    public ParameterSet Parameters(StateLayout layout)
    {
        ParameterSet parameters = ParameterSet.Create(layout, DType);
        _owned.Push(parameters);
        Load(parameters);
        ParameterSet leaves = parameters.WithOwnGradient();
        _owned.Push(leaves);
        return leaves;
    }

    /// <summary>The <c>buffer/</c> values under the names of a layout.</summary>
    public RunningStatistics Running(StateLayout layout)
    {
        var running = new RunningStatistics(layout, DType);
        _owned.Push(running);
        Load(running, layout);
        return running;
    }

    /// <summary>Sets parameters to the <c>param/</c> values.</summary>
    public void Load(ParameterSet parameters)
    {
        foreach (StateEntry entry in parameters.Layout.Parameters) Load("param/", entry, parameters.Values);
    }

    /// <summary>Sets running statistics to the <c>buffer/</c> values.</summary>
    public void Load(RunningStatistics running, StateLayout layout)
    {
        foreach (StateEntry entry in layout.Entries.Where(entry => entry.Kind != StateKind.Parameter))
            if (entry.Kind == StateKind.BatchCount) running.BatchCount = Read("buffer/" + entry.Name).AsInt64()[0];
            else Load("buffer/", entry, Flat(running, entry.Kind));
    }

    /// <summary>Spikes, and sums of spikes: every element equal.</summary>
    public void CheckSpikes(string key, Tensor actual) => Check(key, actual, _ => 0);

    /// <summary>Potentials, activations, logits, losses: 1e-12 in float64, 1e-5 in float32, twice that without our kernels.</summary>
    public void CheckValues(string key, Tensor actual, double single = 1e-5) =>
        Check(key, actual, expected => expected.IsWide ? 1e-12 : single * _roundings);

    /// <summary>Gradients, relative to the tensor's largest element, with the same tolerances; looser for a neuron's w, a long sum with
    /// cancellation.</summary>
    public void CheckGradient(string key, Tensor actual) => Check(key, actual, expected => (IsDecay(key), expected.IsWide) switch
    {
        (false, true) => 1e-10 * expected.Largest,
        (false, false) => 1e-5 * _roundings * expected.Largest + 1e-6,
        (true, true) => 1e-9 * expected.Largest + 1e-12,
        (true, false) => 1e-3 * expected.Largest + 1e-6,
    });

    /// <summary>Checks every parameter's gradient; <paramref name="gradient"/> is flat, in the order of <paramref name="layout"/>, and
    /// <paramref name="prefix"/> begins the golden keys.</summary>
    public void CheckGradients(Tensor gradient, StateLayout layout, string prefix = "grad/")
    {
        foreach (StateEntry entry in layout.Parameters)
        {
            Tensor actual = ParameterSet.View(gradient, entry);
            if (entry.Name != InvisibleBias) CheckGradient(prefix + entry.Name, actual);
            else Close.Check(Ignored(prefix + entry.Name), [0], actual, DType == ScalarType.Float64 ? 1e-12 : 1e-6);
        }
    }

    /// <summary>Every parameter after some updates.</summary>
    public void CheckParameters(string prefix, ParameterSet parameters, Func<Expected, double> tolerance)
    {
        foreach (StateEntry entry in parameters.Layout.Parameters)
            if (entry.Name == InvisibleBias) Ignored(prefix + entry.Name);
            else Check(prefix + entry.Name, ParameterSet.View(parameters.Values, entry), tolerance);
    }

    /// <summary>BatchNorm's running statistics and counter after some training forwards: 1e-6.</summary>
    public void CheckBuffers(string prefix, RunningStatistics running, StateLayout layout)
    {
        foreach (StateEntry entry in layout.Entries.Where(entry => entry.Kind != StateKind.Parameter))
            if (entry.Kind == StateKind.BatchCount) Assert.Equal(Read(Key(prefix + entry.Name)).AsInt64()[0], running.BatchCount);
            else Check(prefix + entry.Name, ParameterSet.View(Flat(running, entry.Kind), entry), _ => 1e-6);
    }

    /// <summary>Compares each element, with a tolerance that may depend on the expected values.</summary>
    public void Check(string key, Tensor actual, Func<Expected, double> tolerance)
    {
        GoldenTensor stored = Read(Key(key));
        var expected = new Expected(Values(stored), stored.DType == "F64");
        Assert.Equal(stored.Shape, actual.shape);
        Close.Check($"{key} ({DType})", expected.Values, actual, tolerance(expected));
    }

    /// <summary>Fails if the file has values of this arithmetic that no check has read.</summary>
    public void CheckNothingIsLeft() => Assert.Empty(_unread);

    public void Dispose()
    {
        while (_owned.TryPop(out IDisposable? owned)) owned.Dispose();
        _scope.Dispose();
    }

    /// <param name="Values">Row-major elements.</param>
    /// <param name="IsWide">Whether they are from a float64 run.</param>
    public readonly record struct Expected(double[] Values, bool IsWide)
    {
        public double Largest => Values.Max(Math.Abs);
    }

    private void Load(string prefix, StateEntry entry, Tensor flat)
    {
        GoldenTensor stored = Read(prefix + entry.Name);
        Assert.Equal(stored.Shape, entry.Shape);
        ParameterSet.View(flat, entry).copy_(tensor(Values(stored), stored.Shape));
    }

    private GoldenTensor Read(string key)
    {
        _unread.Remove(key);
        return _file[key];
    }

    private string Ignored(string key)
    {
        _unread.Remove(Key(key));
        return key;
    }

    private string Key(string key) => DType == ScalarType.Float64 && _file.Tensors.ContainsKey(Wide + key) ? Wide + key : key;

    private static bool IsDecay(string key) => key.EndsWith(".w") || key.EndsWith("/w") || key.EndsWith("grad_w");

    private static Tensor Flat(RunningStatistics running, StateKind kind) =>
        kind == StateKind.RunningMean ? running.Mean : running.Variance;

    private static double[] Values(GoldenTensor stored) =>
        stored.DType == "F64" ? stored.AsDouble() : Array.ConvertAll(stored.AsSingle(), value => (double)value);
}
