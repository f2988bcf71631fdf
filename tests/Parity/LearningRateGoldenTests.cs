using System.Globalization;
using Spikeformer.Recipes;
using Spikeformer.TestKit;
using Spikeformer.Training;
using Xunit;

namespace Spikeformer.Parity;

/// <summary>Every row of the authors' learning rates: their scheduler code, its closed form and what their logs printed.</summary>
public sealed class LearningRateGoldenTests
{
    private const int Rows = 1135;

    /// <summary>The recipe of a golden name and, for the restarts of ImageNet, the segment.</summary>
    private static (string Recipe, int? Segment) Source(string golden) => golden switch
    {
        "dvscifar10" => ("dvs-cifar10", null),
        "dvsgesture" => ("dvs-gesture", null),
        "imagenet" => ("imagenet", null),
        "imagenet_resume_2" => ("imagenet-4-segments", 1),
        "imagenet_resume_3" => ("imagenet-4-segments", 2),
        "imagenet_resume_4" => ("imagenet-4-segments", 3),
        _ => throw new InvalidOperationException($"Unknown golden recipe {golden}."),
    };

    [Fact]
    public void EveryGoldenRow_IsTheRecipesLearningRate()
    {
        var schedules = new Dictionary<string, Schedule>();
        int rows = 0;
        foreach (string line in File.ReadLines(GoldenFile.PathOf("lr_schedules.csv")).Skip(1))
        {
            string[] cells = line.Split(',');
            if (!schedules.TryGetValue(cells[0], out Schedule? schedule)) schedules.Add(cells[0], schedule = ScheduleOf(cells[0]));
            double actual = schedule.LearningRate(int.Parse(cells[1], CultureInfo.InvariantCulture));
            double[] expected = [.. cells[2..].Where(cell => cell.Length > 0).Select(cell => double.Parse(cell, CultureInfo.InvariantCulture))];
            Assert.NotEmpty(expected);
            Assert.All(expected, rate => Assert.True(Math.Abs(actual - rate) <= 1e-12 * rate, $"{line}: got {actual:R}"));
            rows++;
        }
        Assert.Equal(Rows, rows);
    }

    /// <summary>The rate by a restart's own segment only: the segment after it computed its last logged epoch again.</summary>
    private static Schedule ScheduleOf(string golden)
    {
        (string name, int? segment) = Source(golden);
        Recipe recipe = RecipeCatalogue.Load(name);
        return segment is { } i ? new Schedule([recipe.Schedule[i]], recipe.Epochs) : new Schedule(recipe);
    }
}
