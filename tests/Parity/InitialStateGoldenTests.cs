using Spikeformer.Network;
using Spikeformer.Numerics;
using Spikeformer.Recipes;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>State-dict names, shapes, order and initial distributions of the three published networks.</summary>
public sealed class InitialStateGoldenTests
{
    public static TheoryData<string, int, int, long> Variants => new()
    {
        { "PLIF_spikeformer_7_3x2x3", 246, 201, 8_792_993 },
        { "PLIF_spikeformer_7_5x3x1", 204, 177, 9_279_900 },
        { "PLIAF_spikeformer_7_3x2x4", 281, 221, 39_320_836 },
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public void Names_shapes_and_order_are_the_published_ones(string name, int entries, int tensors, long parameters)
    {
        StateLayout layout = PublishedNetworks.Build(PublishedVariants.Find(name)!).Layout;
        Assert.Equal(
            Rows(name).Select(row => (row.Name, string.Join('x', row.Shape), row.IsParameter)),
            layout.Entries.Select(entry => (entry.Name, string.Join('x', entry.Shape), entry.Kind == StateKind.Parameter)));
        Assert.Equal((entries, tensors, parameters), (layout.Entries.Count, layout.Parameters.Count, layout.ParameterCount));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Initial_values_are_drawn_from_the_published_distributions(string name, int entries, int tensors, long parameterCount)
    {
        SpikeformerNetwork network = PublishedNetworks.Build(PublishedVariants.Find(name)!);
        using ParameterSet parameters = ParameterSet.Create(network.Layout);
        using var running = new RunningStatistics(network.Layout);
        Initialisation.Fill(parameters, network.Options.Neuron, seed: 2020);
        foreach ((StateEntry entry, Row row) in network.Layout.Entries.Zip(Rows(name)))
        {
            (double mean, double deviation) = entry.Kind switch
            {
                StateKind.Parameter => Moments(parameters.Values, entry),
                StateKind.RunningMean => Moments(running.Mean, entry),
                StateKind.RunningVariance => Moments(running.Variance, entry),
                _ => (running.BatchCount, 0),
            };
            // Two samples of one normal distribution: six standard errors of the difference of their means and of their deviations.
            // Where the published values are constant, ours must be too.
            double n = entry.Length, rounding = 1e-5 * Math.Abs(row.Mean);
            AssertNear(row.Mean, mean, 6 * row.Deviation * Math.Sqrt(2 / n) + rounding, $"mean of {entry.Name}");
            AssertNear(row.Deviation, deviation, 6 * row.Deviation / Math.Sqrt(n) + 1e-7, $"deviation of {entry.Name}");
        }
        Assert.Equal((entries, tensors, parameterCount),
            (network.Layout.Entries.Count, network.Layout.Parameters.Count, parameters.Values.NumberOfElements));
    }

    private static (double Mean, double Deviation) Moments(TorchSharp.torch.Tensor flat, StateEntry entry)
    {
        ReadOnlySpan<float> values = TensorMemory.Span<float>(flat).Slice((int)entry.Offset, (int)entry.Length);
        double sum = 0, squares = 0;
        foreach (float value in values) sum += value;
        double mean = sum / values.Length;
        foreach (float value in values) squares += (value - mean) * (value - mean);
        return (mean, Math.Sqrt(squares / values.Length));
    }

    private static void AssertNear(double expected, double actual, double tolerance, string what) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{what}: {actual:R} is not within {tolerance:E2} of {expected:R}");

    private static Row[] Rows(string model) =>
        [.. PublishedNetworks.Rows("state_dict_and_init_stats.csv").Where(cells => cells[0] == model).Select(Row.Read)];

    private sealed record Row(string Name, long[] Shape, double Mean, double Deviation, bool IsParameter)
    {
        public static Row Read(string[] cells)
        {
            (double n, double mean, double deviation, double least) = (Cell(3), Cell(4), Cell(5), Cell(6));
            // The authors' float32 sampler draws minus infinity once in 2^24 draws and clips it to -2, a hundred deviations. Ours does not, so
            // their moments are computed without it.
            if (least == -2)
            {
                double sum = n * mean + 2, squares = n * (deviation * deviation + mean * mean) - 4;
                mean = sum / --n;
                deviation = Math.Sqrt(squares / n - mean * mean);
            }
            return new(cells[1], PublishedNetworks.Shape(cells[2]), mean, deviation, cells[8] == "1");

            double Cell(int column) => PublishedNetworks.Number(cells[column]);
        }
    }
}
