using Spikeformer.Neurons;
using static TorchSharp.torch;

namespace Spikeformer.Network;

/// <summary>Initial parameter values, a pure function of the seed and the layout, computed in float64.</summary>
/// <remarks>The distributions are the authors': convolutions are Kaiming-normal; linear layers and the position table are normal with
/// deviation 0.02; biases, the time table and temporal_fc are zero; norm weights are one. The draws are our own, keyed per parameter, so the
/// values differ from a PyTorch run with the same seed.</remarks>
public static class Initialisation
{
    /// <summary>Sets the parameters to their initial values.</summary>
    /// <param name="parameters">The set to fill, float32 or float64, on the CPU.</param>
    /// <param name="neuron">Provides the initial decay.</param>
    /// <param name="seed">The run's seed.</param>
    public static void Fill(ParameterSet parameters, NeuronOptions neuron, ulong seed)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var values = new double[parameters.Layout.ParameterCount];
        for (int i = 0; i < parameters.Layout.Parameters.Count; i++)
        {
            StateEntry entry = parameters.Layout.Parameters[i];
            Span<double> slice = values.AsSpan((int)entry.Offset, (int)entry.Length);
            switch (entry.Initial)
            {
                case InitialValue.Zero: break;
                case InitialValue.One: slice.Fill(1); break;
                case InitialValue.NeuronDecay: slice.Fill(neuron.InitialW); break;
                case InitialValue.KaimingNormal: FillNormal(slice, Math.Sqrt(2.0 / (entry.Length / entry.Shape[0])), seed, i); break;
                // The authors truncate at +-2, a hundred deviations. That matters only where their float32 sampler draws infinity, once in 2^24.
                case InitialValue.TruncatedNormal: FillNormal(slice, 0.02, seed, i); break;
            }
        }
        using Tensor source = tensor(values);
        parameters.Values.copy_(source);
    }

    private static void FillNormal(Span<double> values, double deviation, ulong seed, int parameter)
    {
        var random = new KeyedRandom(seed, RandomPurpose.Initialisation, parameter);
        foreach (ref double value in values) value = deviation * InverseNormal(random.NextDouble());
    }

    /// <summary>Returns the standard normal quantile of p, 0 &lt; p &lt; 1, to 1e-16 relative (Wichura's AS 241, PPND16).</summary>
    internal static double InverseNormal(double p)
    {
        double q = p - 0.5;
        if (Math.Abs(q) <= 0.425)
        {
            double r = 0.180625 - q * q;
            return q * (((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r + 45921.953931549871457) * r
                + 13731.693765509461125) * r + 1971.5909503065514427) * r + 133.14166789178437745) * r + 3.387132872796366608)
                / (((((((5226.495278852545925 * r + 28729.085735721942674) * r + 39307.89580009271061) * r + 21213.794301586595867) * r
                + 5394.1960214247511077) * r + 687.1870074920579083) * r + 42.313330701600911252) * r + 1.0);
        }
        double tail = Math.Sqrt(-Math.Log(q < 0 ? p : 1 - p));
        double value;
        if (tail <= 5)
        {
            double r = tail - 1.6;
            value = (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r + 1.27045825245236838258) * r
                + 3.64784832476320460504) * r + 5.7694972214606914055) * r + 4.6303378461565452959) * r + 1.42343711074968357734)
                / (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r + 0.14810397642748007459) * r
                + 0.68976733498510000455) * r + 1.6763848301838038494) * r + 2.05319162663775882187) * r + 1.0);
        }
        else
        {
            double r = tail - 5;
            value = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r + 0.026532189526576123093) * r
                + 0.29656057182850489123) * r + 1.7848265399172913358) * r + 5.4637849111641143699) * r + 6.6579046435011037772)
                / (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r
                + 0.0148753612908506148525) * r + 0.13692988092273580531) * r + 0.59983220655588793769) * r + 1.0);
        }
        return q < 0 ? -value : value;
    }
}
