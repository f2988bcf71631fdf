using Spikeformer.Data.Images;
using Spikeformer.TestKit;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>Compares every augmentation operation and resizing with Pillow 9.4, pixel by pixel.</summary>
public sealed class PillowGoldenTests
{
    private static readonly GoldenFile Golden = GoldenFile.Load("pillow_operations");

    public static TheoryData<string> Operations =>
        [.. Golden.Tensors.Keys.Where(key => !key.StartsWith("in/") && !key.StartsWith("resize/")).Select(key => string.Join('/', key.Split('/')[..2])).Distinct()];

    public static TheoryData<string> Sizes => [.. Golden.Tensors.Keys.Where(key => key.StartsWith("resize/"))];

    [Fact]
    public void The_file_has_every_operation()
    {
        Assert.Equal(30, Operations.Count);
        Assert.Equal(8, Sizes.Count);
        Assert.Equal(
            Enum.GetValues<AugmentOperation>().Except([AugmentOperation.Identity]).Order(),
            Golden.Tensors.Keys.Where(key => key.StartsWith("auto/")).Select(key => Enum.Parse<AugmentOperation>(key.Split('/')[1])).Distinct().Order());
    }

    [Theory, MemberData(nameof(Operations))]
    public void Operations_equal_Pillow(string prefix)
    {
        foreach ((string key, GoldenTensor expected) in Golden.Tensors.Where(tensor => tensor.Key.StartsWith(prefix + "/")))
        {
            string[] parts = key.Split('/');
            PixelImage image = PixelImages.Of(Golden[parts[0] == "flat" ? "in/flat" : "in/image"]), spare = new();
            AugmentStrength strength = parts[0] == "wide" ? AugmentPolicies.Wide : AugmentPolicies.Auto;
            strength.Apply(Enum.Parse<AugmentOperation>(parts[1]), int.Parse(parts[2]), parts[3] == "-", ref image, ref spare);
            Assert.True(expected.Bytes.AsSpan().SequenceEqual(image.ToRgb()), key);
        }
    }

    [Theory, MemberData(nameof(Sizes))]
    public void Resized_crops_equal_Pillow_with_and_without_vectors(string key)
    {
        int[][] numbers = [.. key.Split('/')[1..].Select(part => part.Split(',').Select(int.Parse).ToArray())];
        (int[] crop, int[] size) = (numbers[0], numbers[1]);
        foreach (var resampler in (Resampler[])[new(), new(vectorised: false)])
        {
            PixelImage image = new();
            resampler.Resize(PixelImages.Of(Golden["in/image"]), new(crop[0], crop[1], crop[2], crop[3]), size[0], size[1], new(0, 0, size[0], size[1]), image);
            Assert.Equal(Golden[key].Bytes, image.ToRgb());
        }
    }
}
