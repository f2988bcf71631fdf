namespace Spikeformer.Recipes;

/// <summary>A network of the published work and the input that it was designed for.</summary>
/// <param name="Name">The published name, an opaque key.</param>
/// <param name="Model">The sizes of the network; <see cref="ModelRecipe.Variant"/> holds the name.</param>
/// <param name="InputChannels">2 for events (OFF, ON), 3 for colour images.</param>
/// <param name="Classes">Number of classes.</param>
/// <param name="TimeSteps">T, simulated steps per sample.</param>
/// <param name="ImageSide">Rows and columns of the input, pixels.</param>
public sealed record PublishedVariant(string Name, ModelRecipe Model, int InputChannels, int Classes, int TimeSteps, int ImageSide);

/// <summary>The three networks of the published work.</summary>
public static class PublishedVariants
{
    /// <summary>The networks for DVS-CIFAR10 (8,792,993 parameters), DVS128 Gesture (9,279,900) and ImageNet (39,320,836).</summary>
    public static IReadOnlyList<PublishedVariant> All { get; } =
    [
        Variant("PLIF_spikeformer_7_3x2x3", NeuronKind.Plif, kernel: 3, [2, 1, 2, 1, 2, 1], width: 256, heads: 4, mlpRatio: 2,
            channels: 2, classes: 10, timeSteps: 4, side: 128),
        Variant("PLIF_spikeformer_7_5x3x1", NeuronKind.Plif, kernel: 5, [2, 2, 2], width: 256, heads: 4, mlpRatio: 2,
            channels: 2, classes: 11, timeSteps: 16, side: 128),
        Variant("PLIAF_spikeformer_7_3x2x4", NeuronKind.Pliaf, kernel: 3, [2, 1, 2, 1, 2, 1, 2, 1], width: 512, heads: 8, mlpRatio: 3,
            channels: 3, classes: 1000, timeSteps: 4, side: 224),
    ];

    /// <summary>Returns the variant with this name, or null.</summary>
    public static PublishedVariant? Find(string name) => All.FirstOrDefault(variant => variant.Name == name);

    private static PublishedVariant Variant(string name, NeuronKind neuron, int kernel, int[] strides, int width, int heads, int mlpRatio,
        int channels, int classes, int timeSteps, int side) => new(
        name,
        new ModelRecipe
        {
            Variant = name, Neuron = neuron, Kernel = kernel, Strides = strides, Width = width, Depth = 7, Heads = heads,
            MlpRatio = mlpRatio,
        },
        channels, classes, timeSteps, side);
}
