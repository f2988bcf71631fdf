using Spikeformer.Cli.Curves;
using Xunit;

namespace Spikeformer.Client.Tests.Cli.Curves;

public sealed class CurvePointTests
{
    [Fact]
    public void The_authors_curves_have_their_published_best_accuracies()
    {
        IReadOnlyList<CurvePoint> reference = CurvePoint.Reference();
        Assert.Equal(CurvePoint.Jobs, reference.Select(point => point.Job).Distinct());
        Assert.Equal([600, 150, 161], CurvePoint.Jobs.Select(job => reference.Count(point => point.Job == job)));
        Assert.Equal([(81.4, 574), (98.958, 143), (78.308, 125)], CurvePoint.Jobs.Select(job =>
        {
            CurvePoint best = reference.Where(point => point.Job == job && !double.IsNaN(point.TestAccuracy)).MaxBy(point => point.TestAccuracy)!;
            return (Math.Round(best.TestAccuracy, 3), best.Epoch);
        }));
        // The last epochs of three ImageNet runs, and of the gap between two, were cut off.
        Assert.All(reference.Where(point => double.IsNaN(point.TestAccuracy)), point => Assert.Equal("imagenet", point.Job));
    }
}
