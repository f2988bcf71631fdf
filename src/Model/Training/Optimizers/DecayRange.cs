using Spikeformer.Network;

namespace Spikeformer.Training.Optimizers;

/// <summary>A range of the flat parameters with the same weight decay.</summary>
/// <param name="Offset">The first element.</param>
/// <param name="Length">The number of elements, at least 1.</param>
/// <param name="Decay">The weight decay per unit of learning rate; 0 for none.</param>
public readonly record struct DecayRange(long Offset, long Length, double Decay)
{
    /// <summary>Returns the ranges of a network's parameters, in order and without gaps. Neighbours with the same decay form one range.</summary>
    /// <param name="layout">The layout of the parameters.</param>
    /// <param name="recipe">Provides the decay and its scope.</param>
    public static IReadOnlyList<DecayRange> Of(StateLayout layout, OptimizerRecipe recipe)
    {
        List<DecayRange> ranges = [];
        foreach (StateEntry entry in layout.Parameters)
        {
            double decay = recipe.Decay == DecayScope.All || IsWeight(entry) ? recipe.WeightDecay : 0;
            if (ranges is [.., var last] && last.Decay == decay) ranges[^1] = last with { Length = last.Length + entry.Length };
            else ranges.Add(new(entry.Offset, entry.Length, decay));
        }
        return ranges;
    }

    /// <summary>Returns whether a parameter is a matrix or a convolution kernel. Embeddings have three axes, all others one or none.</summary>
    private static bool IsWeight(StateEntry entry) => entry.Shape.Count is 2 or 4;
}
