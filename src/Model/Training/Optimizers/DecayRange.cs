using Spikeformer.Network;
using Spikeformer.Recipes;

namespace Spikeformer.Training.Optimizers;

/// <summary>A part of the flat parameters with one weight decay.</summary>
/// <param name="Offset">First element.</param>
/// <param name="Length">Elements, at least 1.</param>
/// <param name="Decay">Weight decay per unit of learning rate; 0 for none.</param>
public readonly record struct DecayRange(long Offset, long Length, double Decay)
{
    /// <summary>The ranges of a network's parameters, in order and without gaps; neighbours with the same decay are one range.</summary>
    /// <param name="layout">The parameters.</param>
    /// <param name="recipe">Gives the decay and its scope.</param>
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

    /// <summary>Matrices and convolution kernels. Embeddings have three axes, everything else one or none.</summary>
    private static bool IsWeight(StateEntry entry) => entry.Shape.Count is 2 or 4;
}
